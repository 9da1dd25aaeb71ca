import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { Facts } from '../components/facts';
import { show } from '../components/handover';
import { Push } from '../components/push';
import { Status } from '../components/status';
import { applyParameters } from '../components/useparameters';
import { duration, number } from '../format';
import type { INbprodModel, JSX } from '../tokens';
import type { Sweep, Trial } from '../types';

interface ICardProps {
  readonly model: INbprodModel;
  readonly commands: CommandRegistry;
  readonly trial: Trial;
  readonly isBest: boolean;
  readonly sweep: Sweep;
  readonly trans: TranslationBundle;
}

/** One trial, the best where none was chosen, and what can be done with it. */
export function TrialCard(props: ICardProps): JSX.Element {
  const { model, commands, trial, isBest, sweep, trans } = props;
  const [used, setUsed] = React.useState<number | null>(null);
  const searched = Object.fromEntries(
    Object.keys(sweep.space).map(name => [name, trial.parameters[name]])
  );
  const metrics = Object.fromEntries(
    Object.entries(trial.metrics).map(([name, one]) => [name, number(one)])
  );
  const isDeleted = !trial.run && trial.status === 'done';
  return (
    <section className="nbprod-Card" aria-label={trans.__('Trial %1', trial.number)}>
      <div className="nbprod-Card-head">
        <h3>
          {isBest ? trans.__('Best: trial %1', trial.number) : trans.__('Trial %1', trial.number)}
        </h3>
        <Status
          state={trial.status}
          trans={trans}
          detail={trial.seconds === null ? undefined : duration(trial.seconds)}
        />
      </div>
      {trial.error ? <div className="nbprod-Tasks-error">{trial.error}</div> : null}
      <Facts facts={{ ...metrics, ...searched }} label={trans.__('Metrics and parameters')} />
      <div className="nbprod-Actions">
        <Push
          onClick={() => {
            applyParameters(model, trial.parameters);
            setUsed(trial.number);
          }}
        >
          {trans.__('Use these parameters')}
        </Push>
        <Push
          disabled={!trial.run || trial.status !== 'done'}
          title={isDeleted ? trans.__('Its run was deleted') : ''}
          onClick={() => show(model, commands, { tab: 'models', run: trial.run ?? undefined })}
        >
          {trans.__('Promote this trial…')}
        </Push>
        <Push
          disabled={!trial.run}
          title={isDeleted ? trans.__('Its run was deleted') : ''}
          onClick={() => show(model, commands, { tab: 'runs', run: trial.run ?? undefined })}
        >
          {trans.__('Show the run')}
        </Push>
      </div>
      <p className="nbprod-Note" role="status">
        {used === trial.number
          ? trans.__('The next run takes these parameters; the notebook is as it was.')
          : ''}
      </p>
    </section>
  );
}
