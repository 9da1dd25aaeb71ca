import type { Cell, ICellModel } from '@jupyterlab/cells';
import type { IDocumentWidget } from '@jupyterlab/docregistry';
import type { NotebookPanel } from '@jupyterlab/notebook';

import type { ITaggedCell } from './tags';
import type { CellSource, Document } from './types';

/** Return the tags of a cell. */
export function tagsOf(model: ICellModel): string[] {
  const tags: unknown = model.getMetadata('tags');
  return Array.isArray(tags) ? tags.filter((tag): tag is string => typeof tag === 'string') : [];
}

/** Give a cell these tags; none leaves no key behind. */
export function setTags(model: ICellModel, tags: readonly string[]): void {
  if (tags.length) {
    model.setMetadata('tags', [...tags]);
  } else {
    model.deleteMetadata('tags');
  }
}

/** Return what the server needs to know of a notebook as it is in the editor; null before it is loaded. */
export function documentOf(panel: NotebookPanel, path: string): Document | null {
  const model = panel.content.model;
  if (!model || !panel.context.isReady) {
    return null;
  }
  const cells: CellSource[] = [];
  for (const cell of model.cells) {
    const type = cell.type === 'code' || cell.type === 'markdown' ? cell.type : 'raw';
    cells.push({ id: cell.id, type, source: cell.sharedModel.getSource(), tags: tagsOf(cell) });
  }
  const spec = (model.getMetadata('kernelspec') ?? {}) as { name?: unknown; language?: unknown };
  const info = (model.getMetadata('language_info') ?? {}) as { name?: unknown };
  // Lab writes an empty name where it knows no kernel of that kind.
  const language = info.name || spec.language || model.defaultKernelLanguage;
  return {
    path,
    kernel: String(spec.name ?? 'python3'),
    language: String(language || 'python'),
    cells
  };
}

/** Return what of a notebook its pipeline depends on, to compare. */
export function contentOf(panel: NotebookPanel): string | null {
  const document = documentOf(panel, '');
  return document && JSON.stringify(document.cells.map(cell => ({ ...cell, id: undefined })));
}

/** Return the cells of a notebook with their tags; none before it is loaded. */
export function taggedCells(panel: NotebookPanel): ITaggedCell[] {
  return Array.from(panel.content.model?.cells ?? [], cell => ({
    id: cell.id,
    isCode: cell.type === 'code',
    tags: tagsOf(cell)
  }));
}

/** Whether the notebook may be changed. */
export function isWritable(panel: IDocumentWidget): boolean {
  const { context } = panel;
  return context.isReady && !context.model.readOnly && context.contentsModel?.writable !== false;
}

/** Return the ids of the selected cells, the active one among them. */
export function selectedIds(panel: NotebookPanel): string[] {
  return panel.content.selectedCells.map(cell => cell.model.id);
}

/** Return the widget of a cell, by the cell's id. */
export function cellOf(panel: NotebookPanel, id: string): Cell | null {
  return panel.content.widgets.find(cell => cell.model.id === id) ?? null;
}
