/** What a task printed, as plain text. */
import type { ILogLine } from './progress';

// What terminals understand: colours, cursor moves, titles, hyperlinks.

const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])/g;

const CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g;
const MOST = 200_000; // characters that are shown

/** Take out what only a terminal understands. */
export function plainText(text: string): string {
  return text.replace(ESCAPES, '').replace(CONTROLS, '');
}

/** Keep of each line what stands after its last carriage return, as a terminal would: progress bars are one line. */
export function overwritten(text: string): string {
  return text
    .replace(/\r+\n/g, '\n')
    .split('\n')
    .map(line => line.slice(line.replace(/\r+$/, '').lastIndexOf('\r') + 1).replace(/\r+$/, ''))
    .join('\n');
}

/** A stretch of a log that one task printed. */
export interface IStretch {
  /** Where it begins: the number of its first event. */
  readonly number: number;
  readonly task: string;
  readonly text: string;
}

/** The end of a log, by who printed it. */
export function stretches(log: readonly ILogLine[], task: string | null): IStretch[] {
  const lines = task === null ? log : log.filter(line => line.task === task);
  let first = lines.length;
  for (let size = 0; first > 0 && size < MOST; first -= 1) {
    size += lines[first - 1].text.length;
  }
  const found: { number: number; task: string; parts: string[] }[] = [];
  for (const line of lines.slice(first)) {
    const last = found[found.length - 1];
    if (last?.task === line.task) {
      last.parts.push(line.text);
    } else {
      found.push({ number: line.number, task: line.task, parts: [line.text] });
    }
  }
  return found.map(({ number, task, parts }) => ({
    number,
    task,
    text: overwritten(plainText(parts.join('')).slice(-MOST))
  }));
}
