import { Clipboard } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSONValue } from '@lumino/coreutils';
import * as React from 'react';

import type { Api } from '../api';
import { useDeed } from '../components/deed';
import { ProblemBox } from '../components/problem';
import { Push } from '../components/push';
import type { JSX } from '../tokens';
import type { Prediction, Service } from '../types';
import { Answer } from './answer';
import { InputForm } from './inputform';
import { completed, fitsForm, isObject } from './schema';
import type { IRoute } from './schema';
import { curlCall, pythonCall } from './snippets';

interface ITryProps {
  readonly api: Api;
  readonly path: string;
  readonly service: Service;
  readonly routes: readonly IRoute[];
  readonly trans: TranslationBundle;
}

/** Ask the service: a form or JSON that holds the sample at first, its answer, and the same call for a shell or Python. */
export function TryIt({ api, path, service, routes, trans }: ITryProps): JSX.Element {
  const [name, setName] = React.useState(routes[0].name);
  const route = routes.find(one => one.name === name) ?? routes[0];
  return (
    <details className="nbprod-Disclosure" open>
      <summary>
        <h3>{trans.__('Try it')}</h3>
      </summary>
      {routes.length > 1 ? (
        <label className="nbprod-Field">
          <span>{trans.__('route')}</span>
          <select
            className="nbprod-Select"
            value={route.name}
            onChange={event => setName(event.target.value)}
          >
            {routes.map(one => (
              <option key={one.name} value={one.name}>
                {one.name}
              </option>
            ))}
          </select>
        </label>
      ) : null}
      <Call key={route.name} {...{ api, path, service, route, trans }} />
    </details>
  );
}

type Mode = 'form' | 'json';

function Call(props: Omit<ITryProps, 'routes'> & { route: IRoute }): JSX.Element {
  const { api, path, service, route, trans } = props;
  const canForm = fitsForm(route.sample) && isObject(route.input.properties);
  const [mode, setMode] = React.useState<Mode>(canForm ? 'form' : 'json');
  const [data, setData] = React.useState<JSONValue>(route.sample);
  const [text, setText] = React.useState(() => JSON.stringify(route.sample, null, 2));
  const [wrong, setWrong] = React.useState('');
  const [answer, setAnswer] = React.useState<Prediction | null>(null);
  const [copied, setCopied] = React.useState('');
  const deed = useDeed();
  const id = React.useId();
  const url = `${service.url}/${route.name}`;

  /** The call as it stands; null and a message where the text is no JSON. */
  const current = (): JSONValue | null => {
    if (mode === 'form') {
      return completed(route.input, data);
    }
    try {
      setWrong('');
      return JSON.parse(text) as JSONValue;
    } catch (error) {
      setWrong(trans.__('This is no JSON: %1', error instanceof Error ? error.message : ''));
      return null;
    }
  };
  const change = (next: Mode): void => {
    const now = current();
    if (now === null) {
      return;
    }
    setData(now);
    setText(JSON.stringify(now, null, 2));
    setMode(next);
  };
  const send = (event: React.FormEvent): void => {
    event.preventDefault();
    setCopied('');
    const now = current();
    if (now === null) {
      deed.forget();
      return;
    }
    void deed.act('send', async () => {
      setAnswer(null);
      setAnswer(await api.predict(service.name, { path, data: now, route: route.name }));
    });
  };
  const copy = (as: string, make: (url: string, data: unknown) => string): void => {
    const now = current();
    if (now !== null) {
      Clipboard.copyToSystem(make(url, now));
      setCopied(as);
    }
  };
  return (
    <form onSubmit={send} noValidate>
      <div
        className="nbprod-Actions nbprod-Try-modes"
        role="group"
        aria-label={trans.__('Input as')}
      >
        {(['form', 'json'] as const).map(one => (
          <Push
            key={one}
            aria-pressed={mode === one}
            disabled={one === 'form' && !canForm}
            title={one === 'form' && !canForm ? trans.__('Too many values for a form') : ''}
            onClick={() => change(one)}
          >
            {one === 'form' ? trans.__('Form') : trans.__('JSON')}
          </Push>
        ))}
        <button
          type="button"
          className="nbprod-Link"
          onClick={() => {
            setData(route.sample);
            setText(JSON.stringify(route.sample, null, 2));
            setWrong('');
          }}
        >
          {trans.__('the sample again')}
        </button>
      </div>
      {mode === 'form' ? (
        <InputForm schema={route.input} data={data} onChange={setData} trans={trans} />
      ) : (
        <>
          <label className="nbprod-mod-unseen" htmlFor={id}>
            {trans.__('Input as JSON')}
          </label>
          <textarea
            id={id}
            className="nbprod-Try-json"
            rows={12}
            spellCheck={false}
            value={text}
            aria-invalid={wrong ? true : undefined}
            aria-describedby={wrong ? `${id}-wrong` : undefined}
            onChange={event => setText(event.target.value)}
          />
        </>
      )}
      {wrong ? (
        <div className="nbprod-FieldError" id={`${id}-wrong`} role="alert">
          {wrong}
        </div>
      ) : null}
      <div className="nbprod-Actions">
        <Push type="submit" isMain disabled={deed.doing !== ''}>
          {deed.doing ? trans.__('asking…') : trans.__('Ask it')}
        </Push>
        <button type="button" className="nbprod-Link" onClick={() => copy('curl', curlCall)}>
          {trans.__('copy as curl')}
        </button>
        <button type="button" className="nbprod-Link" onClick={() => copy('Python', pythonCall)}>
          {trans.__('copy as Python')}
        </button>
      </div>
      <p className="nbprod-Note" role="status">
        {copied ? trans.__('The call is in the clipboard, as %1.', copied) : ''}
      </p>
      {deed.problem ? <ProblemBox problem={deed.problem} /> : null}
      <div aria-live="polite">{answer ? <Answer prediction={answer} trans={trans} /> : null}</div>
    </form>
  );
}
