import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { useAsked } from '../components/asked';
import { Back } from '../components/back';
import { Facts } from '../components/facts';
import { Failed } from '../components/failed';
import { show } from '../components/handover';
import { ProblemBox } from '../components/problem';
import { usePulse } from '../components/pulse';
import { Push } from '../components/push';
import { Status } from '../components/status';
import { applyParameters } from '../components/useparameters';
import { bytes, duration, moment, number } from '../format';
import { CommandIDs } from '../tokens';
import type { INbprodModel, JSX } from '../tokens';
import type { Problem, RunDetail } from '../types';
import { TaskTable } from './tasks';

interface IDetailProps {
  readonly model: INbprodModel;
  readonly commands: CommandRegistry;
  readonly path: string;
  readonly id: string;
  readonly onBack: () => void;
  readonly onDelete: () => void;
  readonly trans: TranslationBundle;
}

/** All that is known of one run. */
export function DetailView(props: IDetailProps): JSX.Element {
  const { model, commands, path, id, onBack, trans } = props;
  const asked = useAsked(() => model.api.run(path, id), id);
  const detail = asked.value;
  usePulse(model, ['run', 'sweep'], 500, () => {
    if (!detail || ['pending', 'running'].includes(detail.run.status)) {
      asked.again();
    }
  });
  return (
    <div className="nbprod-Detail">
      <Back label={trans.__('All runs')} onBack={onBack} />
      {asked.problem ? (
        <Failed model={model} problem={asked.problem} trans={trans} again={asked.again} />
      ) : null}
      {!detail && asked.isLoading ? <p aria-live="polite">{trans.__('loading…')}</p> : null}
      {detail ? <Detail {...props} detail={detail} commands={commands} /> : null}
    </div>
  );
}

function Detail(props: IDetailProps & { detail: RunDetail }): JSX.Element {
  const { model, commands, detail, onDelete, trans } = props;
  const { run, tasks, artifacts, files } = detail;
  const [isUsed, setIsUsed] = React.useState(false);
  const isFinished = !['pending', 'running'].includes(run.status);
  return (
    <>
      <h2 title={run.id}>{trans.__('Run of %1', moment(run.created))}</h2>
      <p className="nbprod-Detail-state" aria-live="polite">
        <Status
          state={run.status}
          trans={trans}
          detail={run.seconds === null ? undefined : duration(run.seconds)}
        />
        {run.sweep ? (
          <button
            type="button"
            className="nbprod-Link"
            onClick={() => show(model, commands, { tab: 'sweep', sweep: run.sweep ?? undefined })}
          >
            {run.trial === null
              ? trans.__('of a sweep')
              : trans.__('trial %1 of a sweep', run.trial)}
          </button>
        ) : null}
      </p>
      {run.error ? <RunError problem={run.error} commands={commands} trans={trans} /> : null}
      <div className="nbprod-Actions">
        <Push onClick={() => void commands.execute(CommandIDs.openExecuted, { run: run.id })}>
          {trans.__('Executed notebook')}
        </Push>
        <Push
          disabled={!isFinished}
          onClick={() => void commands.execute(CommandIDs.openReport, { run: run.id })}
        >
          {trans.__('Report')}
        </Push>
        <Push
          disabled={run.status !== 'done'}
          title={run.status === 'done' ? '' : trans.__('Only a run that is done can be promoted')}
          onClick={() => show(model, commands, { tab: 'models', run: run.id })}
        >
          {trans.__('Promote…')}
        </Push>
        <Push
          disabled={!Object.keys(run.parameters).length}
          onClick={() => {
            applyParameters(model, run.parameters);
            setIsUsed(true);
          }}
        >
          {trans.__('Use these parameters')}
        </Push>
        <Push disabled={!isFinished} onClick={onDelete}>
          {trans.__('Delete…')}
        </Push>
      </div>
      <p className="nbprod-Note" role="status">
        {isUsed ? trans.__('The next run takes these parameters; the notebook is as it was.') : ''}
      </p>
      <h3>{trans.__('Tasks')}</h3>
      <TaskTable run={run.id} tasks={tasks} commands={commands} trans={trans} />
      {Object.keys(run.metrics).length ? (
        <>
          <h3>{trans.__('Metrics')}</h3>
          <Facts
            facts={Object.fromEntries(Object.entries(run.metrics).map(([k, v]) => [k, number(v)]))}
          />
        </>
      ) : null}
      {Object.keys(run.parameters).length ? (
        <>
          <h3>{trans.__('Parameters')}</h3>
          <Facts facts={run.parameters} />
        </>
      ) : null}
      <Artifacts artifacts={artifacts} trans={trans} />
      <Files title={trans.__('Files read')} files={files.read ?? []} />
      <Files title={trans.__('Files written')} files={files.written ?? []} />
      <p className="nbprod-Note">
        <code>{run.id}</code>
      </p>
    </>
  );
}

interface IErrorProps {
  readonly problem: Problem;
  readonly commands: CommandRegistry;
  readonly trans: TranslationBundle;
}

/** Why a run failed, with the way to the cell. */
export function RunError({ problem, commands, trans }: IErrorProps): JSX.Element {
  const { cell, line } = problem;
  return (
    <ProblemBox problem={problem}>
      {cell ? (
        <Push
          onClick={() =>
            void commands.execute(CommandIDs.goToCell, { cell, line: line ?? undefined })
          }
        >
          {trans.__('Go to the cell')}
        </Push>
      ) : null}
    </ProblemBox>
  );
}

interface IArtifactsProps {
  readonly artifacts: RunDetail['artifacts'];
  readonly trans: TranslationBundle;
}

function Artifacts({ artifacts, trans }: IArtifactsProps): JSX.Element | null {
  if (!artifacts.length) {
    return null;
  }
  return (
    <details className="nbprod-Disclosure" open={artifacts.length <= 12}>
      <summary>
        <h3>{trans.__('Values between tasks')}</h3>
        <span className="nbprod-Count">{artifacts.length}</span>
      </summary>
      <div className="nbprod-Scroll">
        <table className="nbprod-Table" aria-label={trans.__('Values between tasks')}>
          <thead>
            <tr>
              <th scope="col">{trans.__('name')}</th>
              <th scope="col">{trans.__('what')}</th>
              <th scope="col">{trans.__('task')}</th>
              <th scope="col" className="nbprod-mod-number">
                {trans.__('size')}
              </th>
            </tr>
          </thead>
          <tbody>
            {artifacts.map(one => (
              <tr key={`${one.task} ${one.name}`}>
                <th scope="row">
                  <code>{one.name}</code>
                </th>
                <td title={one.type}>{one.summary || one.type}</td>
                <td>{one.task}</td>
                <td className="nbprod-mod-number">{bytes(one.bytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function Files({ title, files }: { title: string; files: readonly string[] }): JSX.Element | null {
  if (!files.length) {
    return null;
  }
  return (
    <details className="nbprod-Disclosure" open={files.length <= 6}>
      <summary>
        <h3>{title}</h3>
        <span className="nbprod-Count">{files.length}</span>
      </summary>
      <ul className="nbprod-Plain">
        {files.map(file => (
          <li key={file}>
            <code>{file}</code>
          </li>
        ))}
      </ul>
    </details>
  );
}
