/** The tags that accepting a suggestion sets, after the user has renamed or dropped some of its tasks. */
import { readMarks, withTask } from '../tags';
import type { Edits, ITaggedCell } from '../tags';
import type { Suggestion } from '../types';

/** For each suggested task the name it is to have; null drops it, so that its cells go to the task above. */
export type Names = Readonly<Record<string, string | null>>;

export function suggestedEdits(
  cells: readonly ITaggedCell[],
  suggestion: Suggestion,
  names: Names
): Edits {
  const edits = new Map<string, readonly string[]>();
  const renamed = (name: string): string | null => (name in names ? names[name] : name);
  for (const cell of cells) {
    const proposed = suggestion.tags[cell.id] ?? cell.tags;
    const { task } = readMarks(proposed);
    const own = task === null ? null : renamed(task);
    let tags = own === task ? [...proposed] : withTask(proposed, own);
    tags = tags.flatMap(tag => {
      const [prefix, name] = tag.split(':', 2);
      if (!['after', 'prev'].includes(prefix) || !(name in names)) {
        return [tag];
      }
      return names[name] === null ? [] : [`${prefix}:${names[name]}`];
    });
    if (JSON.stringify(tags) !== JSON.stringify(cell.tags)) {
      edits.set(cell.id, tags);
    }
  }
  return edits;
}
