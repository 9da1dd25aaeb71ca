import { ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Api } from './api';
import { Jobs } from './jobs';
import { NbprodModel } from './model';
import { ModelsView } from './models/view';
import { NbprodPanel } from './panel';
import { PipelineView } from './pipeline/view';
import { RunView } from './run/view';
import { RunsView } from './runs/view';
import { SweepView } from './sweep/view';
import { CommandIDs, PANEL_ID, PLUGIN_ID } from './tokens';
import type { TabId } from './tokens';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'The panel: pipeline, runs, sweeps and models of the notebook in front.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ILayoutRestorer, ITranslator, IRenderMimeRegistry],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null,
    rendermime: IRenderMimeRegistry | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('nbprod');
    const { serviceManager, commands } = app;
    const api = new Api(serviceManager.serverSettings);
    const jobs = new Jobs(api, serviceManager);
    const model = new NbprodModel(api, jobs, tracker);
    const panel = new NbprodPanel({
      model,
      commands,
      trans,
      rendermime: rendermime ?? undefined,
      tabs: [
        { id: 'pipeline', label: trans.__('Pipeline'), view: PipelineView },
        { id: 'run', label: trans.__('Run'), view: RunView },
        { id: 'runs', label: trans.__('Runs'), view: RunsView },
        { id: 'sweep', label: trans.__('Sweep'), view: SweepView },
        { id: 'models', label: trans.__('Models'), view: ModelsView }
      ]
    });
    app.shell.add(panel, 'left', { rank: 510, type: 'nbprod' });
    restorer?.add(panel, PANEL_ID);
    commands.addCommand(CommandIDs.open, {
      label: trans.__('Show nbprod'),
      describedBy: {
        args: { type: 'object', properties: { tab: { type: 'string' } } }
      },
      execute: args => {
        app.shell.activateById(PANEL_ID);
        if (typeof args.tab === 'string') {
          panel.show_(args.tab as TabId);
        }
      }
    });
    // What runs was perhaps started by a page that is gone.
    void app.restored.then(() => jobs.refresh()).catch(() => undefined);
  }
};

export default plugin;
