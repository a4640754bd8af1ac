// The answers that take an overlay to be mounted: all from the scratch place, or all the same when there is none.
import type { KernelError } from '../kernel-error.ts';
import type { Routine } from '../routine.ts';
import { type FeatureAnswer, no, remedyFor, unknown, yes } from './answer.ts';
import { probeIdmappedLowers } from './idmapped-lowers.ts';
import { type LayerAnswers, layerAnswerNames, probeLayers } from './layers.ts';
import { type OptionAnswers, optionNames, probeOptions } from './options.ts';
import type { ProvingGround } from './proving-ground.ts';
import type { UserNamespaces } from './user-namespace.ts';

/** Where overlays can be tried, or the answer for everything when nowhere. */
export type Tryable = ProvingGround | { readonly barred: FeatureAnswer };

export interface TriedAnswers extends LayerAnswers, OptionAnswers {
  /** Layers that are mounted nowhere themselves, as the anonymous tmpfs of `scratch()` is. */
  readonly detachedLayers: FeatureAnswer;
  /** Lowers on a mount that shows other owners than are stored. */
  readonly idmappedLowers: FeatureAnswer;
}

const names: readonly (keyof TriedAnswers)[] = [
  'detachedLayers',
  ...layerAnswerNames,
  ...optionNames,
  'idmappedLowers',
];

function detachedAnswer(refusal: KernelError | undefined): FeatureAnswer {
  if (refusal === undefined) return yes('an overlay with all its layers on a detached tmpfs was mounted');
  return no(refusal.message, remedyFor(refusal, '6.15'));
}

export function* probeTriedAnswers(tryable: Tryable, userNamespaces: UserNamespaces): Routine<TriedAnswers> {
  if ('barred' in tryable)
    return Object.fromEntries(names.map((name) => [name, tryable.barred])) as unknown as TriedAnswers;
  const { place, detachedRefusal, dialect } = tryable;
  return {
    detachedLayers: detachedAnswer(detachedRefusal),
    ...(yield* probeLayers(place, dialect)),
    ...(yield* probeOptions(place, dialect)),
    idmappedLowers:
      userNamespaces.available === true
        ? yield* probeIdmappedLowers(place)
        : unknown(`not tried without a user namespace: ${userNamespaces.reason}`, userNamespaces.remedy),
  };
}
