// Which of the images in an index fits a platform: the system, the processor, its variant.
//
// Source: the OCI image index specification, "platform"; GOOS, GOARCH, GOARM and GOAMD64 of Go.
import { FormatError } from '../format-error.ts';
import { object, type Shape, text } from './shape.ts';

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** Such as `v7` of arm. */
  readonly variant?: string;
}

export const platformShape: Shape = object({ os: text, architecture: text }, { variant: text });

/** Names of other worlds for processors, as uname(2) and Debian have them. */
const ARCHITECTURES: Readonly<Record<string, Pick<Platform, 'architecture' | 'variant'>>> = {
  x86_64: { architecture: 'amd64' },
  x64: { architecture: 'amd64' },
  i386: { architecture: '386' },
  i686: { architecture: '386' },
  ia32: { architecture: '386' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armv7l: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
  armv6l: { architecture: 'arm', variant: 'v6' },
  ppc64el: { architecture: 'ppc64le' },
};

/** What is meant where no variant is said. */
const DEFAULT_VARIANTS: Readonly<Record<string, string>> = { amd64: 'v1', arm: 'v7', arm64: 'v8' };

/** Words of one platform, in lower case and Go's names, with a variant where the processor has any. */
function normalized({ os, architecture, variant }: Platform): Platform {
  const given = architecture.toLowerCase();
  const known = Object.hasOwn(ARCHITECTURES, given) ? ARCHITECTURES[given] : undefined;
  const name = known?.architecture ?? given;
  const said = variant === undefined || variant === '' ? known?.variant : variant.toLowerCase();
  const fallback = Object.hasOwn(DEFAULT_VARIANTS, name) ? DEFAULT_VARIANTS[name] : undefined;
  const meant = said === undefined ? fallback : said.replace(/^(?=\d)/, 'v');
  return { os: os.toLowerCase(), architecture: name, ...(meant !== undefined && { variant: meant }) };
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined || variant === '' ? [] : [variant])].join('/');
}

/**
 * Reads `linux/arm/v7`, `linux/amd64`, or a processor alone, which is then of Linux.
 *
 * @throws {FormatError} `ERR_OVERLAY_IMAGE_PLATFORM`
 */
export function parsePlatform(words: string): Platform {
  const parts = words.split('/');
  if (parts.length > 3 || parts.some((part) => !/^[A-Za-z0-9_.-]+$/.test(part))) {
    throw new FormatError('ERR_OVERLAY_IMAGE_PLATFORM', `${JSON.stringify(words)} is no platform`, {
      option: 'platform',
      hint: 'write it as linux/amd64 or linux/arm/v7',
    });
  }
  const [os, architecture, variant] = parts.length === 1 ? ['linux', parts[0]!] : parts;
  return { os: os!, architecture: architecture!, ...(variant !== undefined && { variant }) };
}

/** The number in `v7`, and of `v8.2` the 8.002; NaN when there is none. */
function level(variant: string | undefined): number {
  const [, major, minor = '0'] = /^v(\d+)(?:\.(\d+))?$/.exec(variant ?? '') ?? [];
  return Number(major) + Number(minor) / 1000;
}

/** How well a machine of the wanted platform runs what is offered: 0 not at all, the highest best. */
export function fitness(offered: Platform, wanted: Platform): number {
  const [one, other] = [normalized(offered), normalized(wanted)];
  if (one.os !== other.os || one.architecture !== other.architecture) return 0;
  if (one.variant === other.variant) return Number.POSITIVE_INFINITY;
  // A later processor runs what is made for an earlier one.
  return level(one.variant) < level(other.variant) ? level(one.variant) : 0;
}

interface Offer {
  readonly platform?: Platform | null;
}

/** An index that names no platform means its only image; one that does, the best that fits, the first of equals. */
export function choosePlatform<T extends Offer>(offers: readonly T[], wanted: Platform): T {
  const only = offers.length === 1 ? offers[0] : undefined;
  if (only !== undefined && !only.platform) return only;
  let best: T | undefined;
  let bestFitness = 0;
  for (const offer of offers) {
    const fit = offer.platform ? fitness(offer.platform, wanted) : 0;
    if (fit > bestFitness) [best, bestFitness] = [offer, fit];
  }
  if (best !== undefined) return best;
  throw noPlatform(
    wanted,
    offers.flatMap(({ platform }) => (platform && platform.os !== 'unknown' ? [platform] : [])),
  );
}

export function noPlatform(wanted: Platform, offered: readonly Platform[]): FormatError {
  const list = [...new Set(offered.map(formatPlatform))].join(', ');
  return new FormatError(
    'ERR_OVERLAY_IMAGE_PLATFORM',
    `the image is not for the platform ${formatPlatform(wanted)}`,
    {
      option: 'platform',
      hint:
        list === ''
          ? 'the image names no platform that it is for'
          : `it is for ${list}: name one of these as \`platform\``,
    },
  );
}
