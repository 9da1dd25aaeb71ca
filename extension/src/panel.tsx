import { ReactWidget, TabPanelSvg } from '@jupyterlab/ui-components';
import { UseSignal } from '@jupyterlab/apputils';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import { BoxLayout, Widget } from '@lumino/widgets';
import * as React from 'react';

import { Empty } from './components/empty';
import { nbprodIcon } from './icons';
import { PANEL_ID } from './tokens';
import type { INbprodModel, JSX, TabId } from './tokens';

/** What every view gets. Views read the model and execute commands; they never change a document. */
export interface IViewProps {
  readonly model: INbprodModel;
  readonly commands: CommandRegistry;
  readonly trans: TranslationBundle;
  /** What draws charts; without it they are tables. */
  readonly rendermime?: IRenderMimeRegistry;
}

export type View = (props: IViewProps) => JSX.Element;

/** A tab of the panel. */
export interface ITab {
  readonly id: TabId;
  readonly label: string;
  readonly view: View;
}

/** The side panel: a tab for each thing that can be done with the notebook in front. */
export class NbprodPanel extends Widget {
  constructor(options: NbprodPanel.IOptions) {
    super();
    const { trans, tabs } = options;
    this.id = PANEL_ID;
    this.title.icon = nbprodIcon;
    this.title.caption = trans.__('nbprod: pipeline, runs, sweeps and models of this notebook');
    this.addClass('nbprod-Panel');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('nbprod'));
    this._tabs = new TabPanelSvg();
    this._tabs.addClass('nbprod-Panel-tabs');
    for (const tab of tabs) {
      const view = new TabView(tab, options);
      this._tabs.addWidget(view);
    }
    const layout = new BoxLayout({ spacing: 0 });
    layout.addWidget(this._tabs);
    this.layout = layout;
  }

  /** Show a tab. */
  show_(id: TabId): void {
    const index = this._tabs.widgets.findIndex(view => view.id === `nbprod-tab-${id}`);
    if (index >= 0) {
      this._tabs.currentIndex = index;
    }
  }

  private _tabs: TabPanelSvg;
}

export namespace NbprodPanel {
  export interface IOptions extends IViewProps {
    readonly tabs: readonly ITab[];
  }
}

class TabView extends ReactWidget {
  constructor(
    private _tab: ITab,
    private _props: IViewProps
  ) {
    super();
    this.id = `nbprod-tab-${_tab.id}`;
    this.title.label = _tab.label;
    this.addClass('nbprod-Tab');
    this.addClass(`nbprod-Tab-${_tab.id}`);
  }

  render(): JSX.Element {
    const { model, commands, trans, rendermime } = this._props;
    const Content = this._tab.view;
    return (
      <UseSignal signal={model.changed}>
        {() =>
          model.panel ? (
            <Content model={model} commands={commands} trans={trans} rendermime={rendermime} />
          ) : (
            <Empty title={trans.__('No notebook is open')}>
              {trans.__('Open a notebook: its tasks, runs and models show here.')}
            </Empty>
          )
        }
      </UseSignal>
    );
  }
}
