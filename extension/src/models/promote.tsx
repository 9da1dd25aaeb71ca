import * as React from 'react';

import { useAsked } from '../components/asked';
import { useDeed } from '../components/deed';
import { Empty } from '../components/empty';
import { ProblemBox } from '../components/problem';
import { Push } from '../components/push';
import { moment, number } from '../format';
import { CommandIDs } from '../tokens';
import type { IProgress, JSX } from '../tokens';
import type { Run } from '../types';
import { PreviewCard } from './preview';
import { rehearsalOf } from './rehearsal';
import { Steps } from './stepview';
import type { IPartProps } from './view';

const LISTED = 50;

interface IPromoteProps extends IPartProps {
  /** The run that another tab asks to promote. */
  readonly wished: string | null;
  /** Nothing has been promoted yet. */
  readonly isFirst: boolean;
}

/** Promotion: which run, what it would do, and how it goes. */
export function PromotePart(props: IPromoteProps): JSX.Element {
  const { model, path, commands, wished, isFirst, isShown, trans } = props;
  const [chosen, setChosen] = React.useState(wished ?? '');
  const [isOpen, setIsOpen] = React.useState(isFirst || wished !== null);
  // what is served is tried when someone asks for it: no code runs because a page was loaded
  const [isAsked, setIsAsked] = React.useState(wished !== null);
  const place = React.useRef<HTMLDetailsElement>(null);
  React.useEffect(() => {
    if (wished) {
      setChosen(wished);
      setIsOpen(true);
      setIsAsked(true);
      place.current?.scrollIntoView({ block: 'start' });
      place.current?.querySelector('select')?.focus({ preventScroll: true });
    }
  }, [wished]);
  const runs = useAsked(
    () => model.api.runs(path, { status: 'done', limit: LISTED }),
    `${isShown} ${isOpen}`
  );
  const progress = model.jobs.list(path, 'promote')[0];
  React.useEffect(() => {
    if (progress && !progress.events.length) {
      model.jobs.load(progress.job.id); // it ended before this page was there
    }
  }, [progress?.job.id]);
  const found = runs.value?.runs ?? [];
  if (isFirst && runs.value?.total === 0) {
    return (
      <Empty title={trans.__('No model yet')}>
        <p>
          {trans.__(
            'Run the pipeline first. A run that is good enough can then be promoted: its model becomes a service that answers as the notebook does.'
          )}
        </p>
        <Push isMain onClick={() => void commands.execute(CommandIDs.open, { tab: 'run' })}>
          {trans.__('Go to Run')}
        </Push>
      </Empty>
    );
  }
  return (
    <details
      ref={place}
      className="nbprod-Disclosure"
      open={isOpen || progress?.job.status === 'running'}
      onToggle={event => setIsOpen(event.currentTarget.open)}
    >
      <summary onClick={() => setIsAsked(true)}>
        <h2>{trans.__('Promote a run')}</h2>
      </summary>
      {isFirst ? (
        <p className="nbprod-Note">
          {trans.__(
            'Promoting packs what the notebook serves into a service and checks, over HTTP, that it answers what the notebook answers.'
          )}
        </p>
      ) : null}
      <label className="nbprod-Field nbprod-Promote-run">
        <span>{trans.__('run')}</span>
        <select
          className="nbprod-Select"
          value={chosen}
          onChange={event => {
            setChosen(event.target.value);
            setIsAsked(true);
          }}
        >
          <option value="">{trans.__('the best one')}</option>
          {chosen && !found.some(one => one.id === chosen) ? (
            <option value={chosen}>{chosen}</option>
          ) : null}
          {found.map(one => (
            <option key={one.id} value={one.id}>
              {runText(one, trans)}
            </option>
          ))}
        </select>
      </label>
      {isOpen && (runs.value || runs.problem) ? (
        <Promotion
          {...props}
          key={chosen}
          run={chosen || undefined}
          progress={progress}
          isAsked={isAsked}
        />
      ) : null}
    </details>
  );
}

function runText(run: Run, trans: IPartProps['trans']): string {
  const metrics = Object.entries(run.metrics).map(([name, one]) => `${name} ${number(one)}`);
  const trial = run.trial === null ? [] : [trans.__('trial %1', run.trial)];
  return [moment(run.created), ...trial, ...metrics].join(', ');
}

interface IPromotionProps extends IPromoteProps {
  readonly run?: string;
  readonly progress?: IProgress;
  readonly isAsked: boolean;
}

function Promotion(props: IPromotionProps): JSX.Element {
  const { model, path, run, models, progress, trans } = props;
  const asked = useAsked(
    () => model.api.previewPromotion(path, run),
    `${run} ${models.versions.length} ${props.isShown}`
  );
  const [allowPickle, setAllowPickle] = React.useState(false);
  const deed = useDeed();
  const preview = asked.value;
  const isRunning = progress?.job.status === 'running';
  const promote = (id: string): void => {
    void deed.act('promote', async () => {
      const rehearsal = rehearsalOf(model.jobs.list(path, 'preview'), id);
      if (rehearsal?.job.status === 'running') {
        await model.jobs.stop(rehearsal.job.id); // promoting does the same again
      }
      model.jobs.add(await model.api.promote({ path, run: id, allow_pickle: allowPickle }));
    });
  };
  return (
    <>
      {asked.problem ? <ProblemBox problem={asked.problem} /> : null}
      {!preview && asked.isLoading ? (
        <p aria-live="polite">{trans.__('looking at the run…')}</p>
      ) : null}
      {preview && !asked.problem ? (
        <>
          <PreviewCard {...props} preview={preview} allowPickle={allowPickle} />
          <label className="nbprod-Check">
            <input
              type="checkbox"
              checked={allowPickle}
              onChange={event => setAllowPickle(event.target.checked)}
            />
            {trans.__('store by pickle what no safer format can hold')}
          </label>
          <div className="nbprod-Actions">
            <Push
              isMain
              disabled={!preview.met || isRunning || deed.doing !== ''}
              title={preview.met ? '' : trans.__('The gate is not met')}
              onClick={() => promote(preview.run.id)}
            >
              {isRunning || deed.doing ? trans.__('promoting…') : trans.__('Promote')}
            </Push>
            {isRunning && progress ? (
              <Push onClick={() => void deed.act('stop', () => model.jobs.stop(progress.job.id))}>
                {trans.__('Stop')}
              </Push>
            ) : null}
          </div>
        </>
      ) : null}
      {deed.problem ? <ProblemBox problem={deed.problem} /> : null}
      {progress ? <Steps progress={progress} trans={trans} /> : null}
    </>
  );
}
