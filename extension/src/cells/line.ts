import { StateEffect, StateField } from '@codemirror/state';
import { Decoration, EditorView } from '@codemirror/view';
import type { DecorationSet } from '@codemirror/view';
import type { Cell } from '@jupyterlab/cells';

const mark = StateEffect.define<number>();
const look = Decoration.line({ class: 'nbprod-FailedLine' });

/** The line at which the cell failed, marked until the cell is edited. */
const field: StateField<DecorationSet> = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (marked, transaction) => {
    const effect = transaction.effects.find(one => one.is(mark));
    if (effect) {
      const line = transaction.state.doc.line(effect.value as number);
      return Decoration.set([look.range(line.from)]);
    }
    return transaction.docChanged ? Decoration.none : marked;
  },
  provide: own => EditorView.decorations.from(own)
});

/** Mark a line (from 1) of a cell's editor as the one that failed. */
export function markLine(editor: NonNullable<Cell['editor']>, line: number): void {
  const view: unknown = 'editor' in editor ? editor.editor : null;
  if (!(view instanceof EditorView) || line > view.state.doc.lines) {
    return;
  }
  const effects: StateEffect<unknown>[] = [mark.of(line)];
  if (!view.state.field(field, false)) {
    effects.unshift(StateEffect.appendConfig.of(field));
  }
  view.dispatch({ effects });
}
