// The error that users meet, under the name by which this room and those above know it; every floor may throw it.
export { type Finding, OverlayError, type SystemCallFailure, shown } from '../format/overlay-error.ts';
