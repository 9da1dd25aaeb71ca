import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';

import { duration } from './format';
import type { NbprodModel } from './model';
import { plainText } from './run/text';
import type { Settings } from './settings';
import { CommandIDs } from './tokens';
import type { TabId } from './tokens';
import type { Job, JobKind } from './types';

const TABS: Partial<Record<JobKind, TabId>> = { run: 'run', sweep: 'sweep', promote: 'models' };

/** Say when work has ended, with "Show"; what is asked for and waited for says so itself. */
export function notifyOfEnds(
  model: NbprodModel,
  settings: Settings,
  commands: CommandRegistry,
  trans: TranslationBundle
): void {
  model.jobs.ended.connect((_, job) => {
    const tab = TABS[job.kind];
    if (!tab || !settings.choices.notify) {
      return;
    }
    const show = async (): Promise<void> => {
      await commands.execute('docmanager:open', { path: job.path });
      await commands.execute(CommandIDs.open, { tab });
    };
    const label = trans.__('Show');
    const caption = trans.__('Show it in the panel');
    const type = job.status === 'done' ? 'success' : job.status === 'failed' ? 'error' : 'info';
    Notification.emit(endText(job, trans), type, {
      autoClose: job.status === 'done' ? 5000 : false,
      actions: [{ label, caption, callback: () => void show() }]
    });
  }, model);
}

function endText(job: Job, trans: TranslationBundle): string {
  const took = job.finished === null ? '' : duration(job.finished - job.created);
  const kinds: Partial<Record<JobKind, string>> = {
    run: trans.__('Run of %1', job.pipeline),
    sweep: trans.__('Sweep of %1', job.pipeline),
    promote: trans.__('Promotion of %1', job.pipeline)
  };
  const what = kinds[job.kind] ?? job.pipeline;
  switch (job.status) {
    case 'done':
      return trans.__('%1: done in %2', what, took);
    case 'failed':
      return trans.__(
        '%1 failed: %2',
        what,
        plainText(job.error?.what ?? '') || trans.__('see the panel')
      );
    case 'cancelled':
      return trans.__('%1: stopped', what);
    default:
      return trans.__('%1: its process is gone', what);
  }
}
