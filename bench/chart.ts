import type { Spread } from './figures.js';

/** One bar, from nothing to the median, with a whisker from the least to the most. */
export interface Bar {
  readonly label: string;
  readonly value: Spread;
  readonly role: 'ours' | 'floor' | 'peer';
  /** True where the task was not done: the bar is pale and labelled so. Default: false. */
  readonly hasFailed?: boolean;
}

/** Bars that are compared with each other, below a title. */
export interface Group {
  readonly title: string;
  readonly bars: readonly Bar[];
}

/** The content of a chart. The axis is logarithmic, since contenders differ by orders of magnitude. */
export interface Chart {
  readonly title: string;
  readonly groups: readonly Group[];
  /** A value as people read it. */
  readonly text: (value: number) => string;
}

const WIDTH = 880;
const LEFT = 230;
/** Room for the value beside the longest bar. */
const RIGHT = 90;
const BAR = 14;
const ROW = 20;
const GROUP = 30;
const HEAD = 44;
const FOOT = 34;

/** Middling colours, which stand out from a light page and from a dark one. */
const COLOURS: Readonly<Record<Bar['role'], string>> = { ours: '#2f81f7', floor: '#8b949e', peer: '#d9822b' };

/** Draws a chart as SVG. */
export function svgOf({ title, groups, text }: Chart): string {
  const values = groups.flatMap(({ bars }) => bars.flatMap(({ value }) => [value.min, value.max]));
  const positive = values.filter((value) => value > 0);
  const low = Math.floor(Math.log10(Math.min(...positive)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...positive))));
  const x = (value: number): number => {
    const part = (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low);
    return LEFT + part * (WIDTH - LEFT - RIGHT);
  };
  const lines: string[] = [];
  let y = HEAD;
  for (const group of groups) {
    lines.push(`<text class="strong" x="12" y="${fixed(y + 18)}">${escaped(group.title)}</text>`);
    y += GROUP;
    for (const { label, value, role, hasFailed = false } of group.bars) {
      const middle = y + BAR / 2;
      const end = x(value.median);
      // A bar of the least value would have no width.
      const width = Math.max(2, end - LEFT);
      lines.push(
        `<text x="${fixed(LEFT - 8)}" y="${fixed(middle + 4)}" text-anchor="end">${escaped(label)}</text>`,
        `<rect x="${fixed(LEFT)}" y="${fixed(y)}" width="${fixed(width)}" height="${fixed(BAR)}" fill="${COLOURS[role]}"${hasFailed ? ' fill-opacity="0.3"' : ''}/>`,
        ...(value.min === value.max
          ? []
          : [
              `<path class="whisker" d="M${fixed(x(value.min))} ${fixed(middle)}H${fixed(x(value.max))}` +
                `M${fixed(x(value.min))} ${fixed(middle - 4)}v8M${fixed(x(value.max))} ${fixed(middle - 4)}v8"/>`,
            ]),
        `<text x="${fixed(Math.max(end, x(value.max)) + 6)}" y="${fixed(middle + 4)}">${escaped(text(value.median))}${hasFailed ? ', failed' : ''}</text>`,
      );
      y += ROW;
    }
    y += 8;
  }
  const height = y + FOOT;
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index)).flatMap((tick) => [
    `<path class="grid" d="M${fixed(x(tick))} ${fixed(HEAD)}V${fixed(y)}"/>`,
    `<text x="${fixed(x(tick))}" y="${fixed(y + 18)}" text-anchor="middle">${escaped(text(tick))}</text>`,
  ]);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${fixed(WIDTH)} ${fixed(height)}" width="${fixed(WIDTH)}" role="img" aria-label="${escaped(title)}">`,
    '<style>',
    'text{font:12px system-ui,sans-serif;fill:#57606a}',
    '.strong{font-weight:600;fill:#24292f}',
    '.grid{stroke:#8b949e;stroke-opacity:.3}',
    '.whisker{stroke:#24292f;fill:none}',
    '@media(prefers-color-scheme:dark){text{fill:#9ea7b3}.strong{fill:#e6edf3}.whisker{stroke:#e6edf3}}',
    '</style>',
    `<text class="strong" x="12" y="24">${escaped(title)}</text>`,
    ...ticks,
    ...lines,
    '</svg>',
    '',
  ].join('\n');
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
