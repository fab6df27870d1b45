/** One line of a page in Prometheus's text format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/y;

/**
 * Parses a page strictly.
 *
 * @throws an error if a line is not a sample
 */
export function readPage(page: string): Sample[] {
  return page
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', text = '', value = ''] = LINE.exec(line) ?? [];
      const labels: Record<string, string> = {};
      LABEL.lastIndex = 0;
      while (LABEL.lastIndex < text.length) {
        const [, label = '', quoted = ''] = LABEL.exec(text) ?? [];
        if (label === '') throw new Error(`no sample: ${line}`);
        labels[label] = JSON.parse(`"${quoted}"`) as string;
      }
      if (name === '' || Number.isNaN(Number(value.replace('Inf', 'Infinity')))) throw new Error(`no sample: ${line}`);
      return { name, labels, value: Number(value.replace('Inf', 'Infinity')) };
    });
}

/** Fetches and parses the page at an address. */
export async function scrape(address: string): Promise<Sample[]> {
  const answer = await fetch(`http://${address}/metrics`);
  if (!answer.ok) throw new Error(`${address} answered ${String(answer.status)}`);
  return readPage(await answer.text());
}

/** Returns the sums of a metric by some of its labels, joined by a space. Zeros are omitted. */
export function sumBy(samples: readonly Sample[], name: string, ...by: readonly string[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { labels, value } of samples.filter((sample) => sample.name === name && sample.value > 0)) {
    const key = by.map((label) => labels[label] ?? '').join(' ');
    sums[key] = (sums[key] ?? 0) + value;
  }
  return sums;
}
