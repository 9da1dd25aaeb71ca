import * as nbformat from '@jupyterlab/nbformat';
import type { Contents, ServerConnection } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';

import type { Api } from '../api';

/** The drive's name, as it stands in front of the paths of executed notebooks. */
export const DRIVE = 'nbprod';

/** Which executed notebook: that of a whole run, or that of one of its tasks. */
export interface IExecuted {
  readonly path: string;
  readonly run: string;
  readonly task: string | null;
}

/** The path at which JupyterLab opens an executed notebook. */
export function executedPath({ path, run, task }: IExecuted): string {
  const name = (path.split('/').pop() ?? 'notebook').replace(/\.[^.]*$/, '');
  const label = task ? `${name} (${task}, run ${run})` : `${name} (run ${run})`;
  return `${DRIVE}:${encodeURIComponent(path)}/${run}/${task ?? '-'}/${label}.ipynb`;
}

/** Whether a path is that of an executed notebook. */
export function isExecuted(path: string): boolean {
  return path.startsWith(`${DRIVE}:`);
}

/** Read a path back. */
export function parseExecuted(local: string): IExecuted | null {
  const [path, run, task] = local.replace(/^\//, '').split('/');
  return path && run && task
    ? { path: decodeURIComponent(path), run, task: task === '-' ? null : task }
    : null;
}

/** On disk texts are lists of lines; JupyterLab wants of outputs the texts themselves, as its own server gives them. */
function joined(content: unknown): unknown {
  const notebook = content as Partial<nbformat.INotebookContent>;
  for (const cell of notebook.cells ?? []) {
    cell.source = text(cell.source);
    for (const output of (cell.outputs ?? []) as nbformat.IOutput[]) {
      if (nbformat.isStream(output)) {
        output.text = text(output.text);
      } else if ('data' in output) {
        const data = output.data as nbformat.IMimeBundle;
        for (const [type, value] of Object.entries(data)) {
          if (Array.isArray(value) && !type.endsWith('json')) {
            data[type] = text(value as string[]);
          }
        }
      }
    }
  }
  return notebook;
}

function text(lines: string | string[]): string {
  return Array.isArray(lines) ? lines.join('') : lines;
}

/** The notebooks that runs have executed, as files that can only be read. */
export class ExecutedDrive implements Contents.IDrive {
  constructor(private _api: Api) {
    this.serverSettings = _api.settings;
  }

  readonly name = DRIVE;
  readonly serverSettings: ServerConnection.ISettings;

  get fileChanged(): Signal<this, Contents.IChangedArgs> {
    return this._fileChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  async get(localPath: string): Promise<Contents.IModel> {
    const executed = parseExecuted(localPath);
    if (!executed) {
      throw new Error(`There is no executed notebook ${localPath}`);
    }
    const { path, run, task } = executed;
    const content = joined(await this._api.executedNotebook(path, run, task ?? undefined));
    return {
      name: localPath.split('/').pop() ?? localPath,
      path: localPath,
      type: 'notebook',
      format: 'json',
      content,
      mimetype: '',
      writable: false,
      created: '',
      last_modified: '1970-01-01T00:00:00Z' // it never changes
    };
  }

  async getDownloadUrl(): Promise<string> {
    throw READ_ONLY;
  }

  async newUntitled(): Promise<Contents.IModel> {
    throw READ_ONLY;
  }

  async delete(): Promise<void> {
    throw READ_ONLY;
  }

  async rename(): Promise<Contents.IModel> {
    throw READ_ONLY;
  }

  async save(): Promise<Contents.IModel> {
    throw READ_ONLY;
  }

  async copy(): Promise<Contents.IModel> {
    throw READ_ONLY;
  }

  async createCheckpoint(): Promise<Contents.ICheckpointModel> {
    throw READ_ONLY;
  }

  async listCheckpoints(): Promise<Contents.ICheckpointModel[]> {
    return [];
  }

  async restoreCheckpoint(): Promise<void> {
    throw READ_ONLY;
  }

  async deleteCheckpoint(): Promise<void> {
    throw READ_ONLY;
  }

  private _fileChanged = new Signal<this, Contents.IChangedArgs>(this);
  private _isDisposed = false;
}

const READ_ONLY = new Error('An executed notebook can only be read: save a copy elsewhere.');
