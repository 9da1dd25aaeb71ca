import type { Cell } from '@jupyterlab/cells';
import { NotebookActions } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';

import { cellOf } from '../document';
import { markLine } from './line';

const LONG = 60000; // ms, on a busy machine; a second otherwise
const PATIENCE = 2000; // ms: a cell far away gets its editor when it has been scrolled to

/** Scroll to a cell and make it the active one; with a line (from 1), select that in its editor. */
export async function goToCell(
  panel: NotebookPanel,
  id: string,
  line: number | null = null,
  isFailed = false
): Promise<void> {
  const notebook = panel.content;
  const cell = cellOf(panel, id);
  if (!cell) {
    return;
  }
  notebook.deselectAll();
  notebook.activeCellIndex = notebook.widgets.indexOf(cell);
  NotebookActions.expandParent(cell, notebook);
  await notebook.scrollToItem(notebook.activeCellIndex, 'smart');
  // JupyterLab puts the cells of a long notebook into the page bit by bit; one that is not there yet cannot be scrolled to.
  if (!cell.node.isConnected && (await attached(cell))) {
    await notebook.scrollToItem(notebook.widgets.indexOf(cell), 'smart');
  }
  if (line === null || cell.model.type !== 'code') {
    notebook.mode = 'command';
    notebook.node.focus();
    return;
  }
  cell.inputHidden = false;
  const editor = await editorOf(cell);
  if (!editor) {
    return;
  }
  const row = Math.max(0, Math.min(line, editor.lineCount) - 1);
  const end = { line: row, column: editor.getLine(row)?.length ?? 0 };
  notebook.mode = 'edit';
  editor.focus();
  editor.setSelection({ start: { line: row, column: 0 }, end });
  editor.revealPosition(end);
  if (isFailed) {
    markLine(editor, row + 1);
  }
}

async function attached(cell: Cell): Promise<boolean> {
  for (let waited = 0; !cell.node.isConnected && waited < LONG; waited += 50) {
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  return !cell.isDisposed && cell.node.isConnected && cell.parent !== null;
}

async function editorOf(cell: Cell): Promise<Cell['editor']> {
  for (let waited = 0; !cell.editor && waited < PATIENCE; waited += 20) {
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  return cell.isDisposed ? null : cell.editor;
}
