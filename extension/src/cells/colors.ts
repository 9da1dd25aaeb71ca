/**
 * Colours of tasks: each has a relative luminance near 0.18, so that it stands out by more than 3:1 against the light, the
 * dark and the high-contrast themes alike (WCAG 1.4.11). They are used for dots, bars and borders, never for text.
 */
export const COLORS: readonly string[] = [
  '#2f7ec9', // blue
  '#b3611a', // orange
  '#388538', // green
  '#a553c2', // violet
  '#c24d6a', // rose
  '#1d8587', // teal
  '#8a7420', // ochre
  '#6a6ad0', // indigo
  '#c7503f', // red
  '#4f8422', // moss
  '#bb4a9e', // pink
  '#57798f' // slate
];

/**
 * The colour of each task. It comes from the name alone, so that a task keeps it from notebook to notebook, unless a task
 * above has it already.
 */
export function taskColors(names: readonly string[]): Map<string, string> {
  const colors = new Map<string, string>();
  const taken = new Set<number>();
  for (const name of names) {
    if (taken.size === COLORS.length) {
      taken.clear(); // more tasks than colours
    }
    let index = hash(name) % COLORS.length;
    while (taken.has(index)) {
      index = (index + 1) % COLORS.length;
    }
    taken.add(index);
    colors.set(name, COLORS[index]);
  }
  return colors;
}

/** FNV-1a, with its last bits mixed. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return (value ^ (value >>> 15)) >>> 0;
}
