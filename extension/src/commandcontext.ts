import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification, showDialog, Dialog } from '@jupyterlab/apputils';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { problemOf } from './components/problem';
import type { NbprodModel } from './model';
import type { NbprodPanel } from './panel';
import { plainText } from './run/text';
import type { Settings } from './settings';
import type { Tagging } from './tagging';
import { PANEL_ID } from './tokens';
import type { TabId } from './tokens';

/** What commands work with. */
export interface ICommandContext {
  readonly app: JupyterFrontEnd;
  readonly model: NbprodModel;
  readonly tagging: Tagging;
  readonly settings: Settings;
  readonly sidePanel: NbprodPanel;
  readonly trans: TranslationBundle;
  readonly palette: ICommandPalette | null;
  readonly documents: IDocumentManager | null;
  readonly browsers: IFileBrowserFactory | null;
}

/** Describe a command's arguments: names with their types. */
export function takes(properties: Record<string, string>): {
  args: ReadonlyJSONObject;
} {
  const typed = Object.entries(properties).map(([name, type]) => [name, { type }]);
  return { args: { type: 'object', properties: Object.fromEntries(typed) } };
}

/** A text among a command's arguments. */
export function textOf(args: ReadonlyPartialJSONObject, name: string): string | null {
  const value = args[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Bring a tab of the panel into view. */
export function showTab({ app, sidePanel }: ICommandContext, tab: TabId): void {
  app.shell.activateById(PANEL_ID);
  sidePanel.show_(tab);
}

/** Say what went wrong, with the whole text behind "Show". */
export function tell(trans: TranslationBundle, title: string, error: unknown): void {
  const problem = problemOf(error);
  const short = `${title}: ${plainText(problem.what || problem.message)}`;
  const show = (): void => {
    void showDialog({ title, body: problem.message, buttons: [Dialog.okButton()] });
  };
  Notification.error(short, {
    autoClose: false,
    actions: [{ label: trans.__('Show'), caption: problem.message, callback: show }]
  });
}
