import * as React from 'react';

import type { IProjectProps } from '../components/projecttab';
import { useDeed } from '../components/deed';
import { ProblemBox } from '../components/problem';
import { Push } from '../components/push';
import { isWritable } from '../document';
import type { JSX } from '../tokens';
import type { Analysis } from '../types';
import { ParameterField } from './field';
import { fieldOf } from './fields';
import { FieldError } from './inputs';
import type { IField } from './fields';
import { choiceOf, readForm } from './request';
import type { IChoice, ISize } from './request';
import { SearchFields } from './search';

interface IFormProps extends IProjectProps {
  readonly analysis: Analysis;
  readonly runningId: string | null;
  readonly isStarting: boolean;
  /** Told the job of the sweep. */
  readonly onStarted: (job: string) => void;
}

/** What to search and how. What the notebook and pipelines.yaml say stands there already. */
export function SweepForm(props: IFormProps): JSX.Element {
  const { model, path, analysis, trans, runningId, isStarting, onStarted } = props;
  const [typed, setTyped] = React.useState<Readonly<Record<string, IField>>>({});
  const [changed, setChanged] = React.useState<Partial<IChoice>>({});
  const [isTried, setIsTried] = React.useState(false);
  const deed = useDeed();
  const fields = Object.fromEntries(
    analysis.parameters.map(one => [
      one.name,
      typed[one.name] ?? fieldOf(one, model.parameters[one.name])
    ])
  );
  const choice: IChoice = { ...choiceOf(analysis), ...changed };
  const reading = readForm(path, analysis, fields, choice, trans);
  const { panel } = model;
  const isDirty = panel !== null && panel.context.model.dirty && isWritable(panel);

  const start = async (event: React.FormEvent): Promise<void> => {
    event.preventDefault();
    setIsTried(true);
    const { options } = reading;
    if (!options) {
      return;
    }
    await deed.act('start', async () => {
      if (panel && isDirty) {
        await panel.context.save();
      }
      const job = await model.api.startSweep(options);
      model.jobs.add(job);
      onStarted(job.id);
    });
  };

  const isBusy = deed.doing !== '' || isStarting;
  return (
    <form className="nbprod-Form" onSubmit={event => void start(event)} noValidate>
      <fieldset className="nbprod-Form-part">
        <legend>{trans.__('Parameters')}</legend>
        {analysis.parameters.map(one => (
          <ParameterField
            key={one.name}
            parameter={one}
            field={fields[one.name]}
            reading={reading.readings[one.name]}
            onChange={next => setTyped(old => ({ ...old, [one.name]: next }))}
            trans={trans}
          />
        ))}
        {reading.errors.space && isTried ? <FieldError text={reading.errors.space} /> : null}
        {reading.errors.space && !isTried ? (
          <p className="nbprod-Note">{reading.errors.space}</p>
        ) : null}
      </fieldset>
      <SearchFields
        metrics={analysis.metrics}
        choice={choice}
        errors={reading.errors}
        size={reading.size}
        onChange={next => setChanged(old => ({ ...old, ...next }))}
        trans={trans}
      />
      <p className="nbprod-Form-size" role="status">
        {reading.size ? sizeText(reading.size, trans) : ''}
      </p>
      {deed.problem ? <ProblemBox problem={deed.problem} /> : null}
      <div className="nbprod-Actions">
        <Push
          type="submit"
          isMain
          disabled={isBusy || runningId !== null}
          title={runningId ? trans.__('A sweep of this notebook is under way') : ''}
        >
          {isBusy
            ? trans.__('starting…')
            : isDirty
              ? trans.__('Save and start the sweep')
              : trans.__('Start the sweep')}
        </Push>
        <button
          type="button"
          className="nbprod-Link"
          onClick={() => {
            setTyped({});
            setChanged({});
            setIsTried(false);
          }}
        >
          {trans.__('As it was')}
        </button>
      </div>
      {isTried && !reading.options ? (
        <FieldError text={trans.__('Something above is not right yet.')} />
      ) : null}
    </form>
  );
}

function sizeText(size: ISize, trans: IProjectProps['trans']): string {
  const trials = trans._n('%1 trial', '%1 trials', size.trials);
  if (size.method === 'grid') {
    return size.grid !== null && size.trials < size.grid
      ? trans.__('A grid: %1 of its %2', trials, size.grid)
      : trans.__('A grid: %1', trials);
  }
  return size.method === 'random'
    ? trans.__('Random values: %1', trials)
    : trans.__('TPE, which learns from each trial: %1', trials);
}
