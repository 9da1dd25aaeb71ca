import { ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Api } from './api';
import { CellDecorator } from './cells/decorator';
import { addCommands } from './commands';
import { Jobs } from './jobs';
import { NbprodModel } from './model';
import { ModelsView } from './models/view';
import { notifyOfEnds } from './notify';
import { NbprodPanel } from './panel';
import { PipelineView } from './pipeline/view';
import { ExecutedDrive } from './run/executed';
import { RunView } from './run/view';
import { RunsView } from './runs/view';
import { Settings } from './settings';
import { StatusItem } from './statusbar';
import { SweepView } from './sweep/view';
import { Tagging } from './tagging';
import { PANEL_ID, PLUGIN_ID } from './tokens';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'The panel: pipeline, runs, sweeps and models of the notebook in front.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [
    ILayoutRestorer,
    ITranslator,
    ICommandPalette,
    ISettingRegistry,
    IStatusBar,
    IDocumentManager,
    IFileBrowserFactory,
    IRenderMimeRegistry
  ],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    registry: ISettingRegistry | null,
    statusBar: IStatusBar | null,
    documents: IDocumentManager | null,
    browsers: IFileBrowserFactory | null,
    rendermime: IRenderMimeRegistry | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('nbprod');
    const { serviceManager, commands, shell } = app;
    const api = new Api(serviceManager.serverSettings);
    const jobs = new Jobs(api, serviceManager);
    const model = new NbprodModel(api, jobs, tracker, serviceManager);
    const settings = new Settings();
    const tagging = new Tagging();
    const sidePanel = new NbprodPanel({
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
    shell.add(sidePanel, 'left', { rank: 510, type: 'nbprod' });
    restorer?.add(sidePanel, PANEL_ID);
    serviceManager.contents.addDrive(new ExecutedDrive(api));
    addCommands({
      app,
      model,
      tagging,
      settings,
      sidePanel,
      trans,
      palette,
      documents,
      browsers
    });
    app.docRegistry.addWidgetExtension('Notebook', {
      createNew(panel: NotebookPanel) {
        return new CellDecorator(panel, model, settings, commands, trans);
      }
    });
    statusBar?.registerStatusItem(`${PLUGIN_ID}-status`, {
      item: new StatusItem(model, tracker, commands, trans),
      align: 'left',
      rank: 10
    });
    notifyOfEnds(model, settings, commands, trans);
    registry?.load(PLUGIN_ID).then(
      loaded => settings.follow(loaded),
      () => undefined // the defaults hold
    );
    // What runs was perhaps started by a page that is gone.
    void app.restored.then(() => jobs.refresh()).catch(() => undefined);
  }
};

export default plugin;
