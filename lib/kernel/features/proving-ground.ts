// Finds the scratch place on which overlays can be tried, best first, and says what stands in the way when there is none.
import { KernelError } from '../kernel-error.ts';
import { Program } from '../program.ts';
import type { Routine } from '../routine.ts';
import { type Dialect, findDialect } from './dialect.ts';
import { closePlace, openAttachedPlace, openDetachedPlace, type Place } from './place.ts';
import { addTrial } from './trial.ts';

export interface ProvingGround {
  readonly place: Place;
  readonly dialect: Dialect;
  /** Why it is not the best place, one of detached layers; undefined when it is. */
  readonly detachedRefusal: KernelError | undefined;
}

/** The place, once a plain overlay has been mounted on it. Throws KernelError. */
function* provenPlace(place: Place, detachedRefusal?: KernelError): Routine<ProvingGround> {
  try {
    const dialect = yield* findDialect(place);
    const program = new Program();
    addTrial(program, place, { options: dialect.options });
    yield* program.run();
    return { place, dialect, detachedRefusal };
  } catch (error) {
    yield* closePlace(place);
    throw error;
  }
}

/** The refused call, when this process cannot mount an overlay at all. */
export function* findProvingGround(): Routine<ProvingGround | KernelError> {
  let refusal: KernelError;
  try {
    return yield* provenPlace(yield* openDetachedPlace());
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    refusal = error;
  }
  try {
    return yield* provenPlace(yield* openAttachedPlace(), refusal);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    // A missing fsopen(2) says nothing about overlay; then the older call's answer tells more.
    return refusal.code === 'ENOSYS' ? error : refusal;
  }
}
