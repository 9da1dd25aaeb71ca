/** A unified diff as lines that say what each is. */

export type LineKind = 'added' | 'removed' | 'place' | 'same';

export interface IDiffLine {
  readonly kind: LineKind;
  readonly text: string;
}

/** The lines of a unified diff without its two lines of file names. */
export function diffLines(diff: string): IDiffLine[] {
  const lines = diff.replace(/\n$/, '').split('\n');
  const isNamed = lines[0]?.startsWith('---') && lines[1]?.startsWith('+++');
  return lines.slice(isNamed ? 2 : 0).map(text => ({ kind: kindOf(text), text }));
}

function kindOf(line: string): LineKind {
  if (line.startsWith('@@')) {
    return 'place';
  }
  return line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : 'same';
}
