import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

/** What the user has set; see `schema/plugin.json`. */
export interface IChoices {
  readonly chips: 'every cell' | 'first cell of a task' | 'none';
  readonly bars: boolean;
  readonly saveBeforeRunning: boolean;
  readonly notify: boolean;
  /** Tasks at the same time; 0 leaves it to `pipelines.yaml`. */
  readonly parallel: number;
}

const DEFAULTS: IChoices = {
  chips: 'every cell',
  bars: true,
  saveBeforeRunning: true,
  notify: true,
  parallel: 0
};

/** The user's settings as they are now: the defaults until JupyterLab's registry has loaded them. */
export class Settings {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get choices(): IChoices {
    return this._choices;
  }

  /** Follow these settings. */
  follow(settings: ISettingRegistry.ISettings): void {
    settings.changed.connect(this._onChanged, this);
    this._onChanged(settings);
  }

  private _onChanged(settings: ISettingRegistry.ISettings): void {
    this._choices = { ...DEFAULTS, ...(settings.composite as Partial<IChoices>) };
    this._changed.emit();
  }

  private _choices = DEFAULTS;
  private _changed = new Signal<this, void>(this);
}
