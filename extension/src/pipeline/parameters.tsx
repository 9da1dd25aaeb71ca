import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { readValue, textOf } from '../sweep/values';
import type { JSX } from '../tokens';
import type { Parameter } from '../types';

interface IParametersProps {
  readonly parameters: readonly Parameter[];
  /** What the user has set. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly trans: TranslationBundle;
  readonly onSet: (name: string, value: unknown) => void;
  readonly onReset: (name: string) => void;
}

/** A field for each parameter of the notebook; the next run takes what they hold. */
export function Parameters(props: IParametersProps): JSX.Element {
  const { parameters } = props;
  return (
    <div className="nbprod-Values">
      {parameters.map(parameter => (
        <Field key={parameter.name} parameter={parameter} {...props} />
      ))}
    </div>
  );
}

function Field({
  parameter,
  values,
  trans,
  onSet,
  onReset
}: IParametersProps & { readonly parameter: Parameter }): JSX.Element {
  const { name, type, optional } = parameter;
  const id = React.useId();
  const own = parameter.value ?? parameter.default;
  const isSet = name in values;
  const current = isSet ? values[name] : own;
  const [draft, setDraft] = React.useState<string | null>(null);
  const read = draft === null ? null : readValue(draft, type, optional, trans);
  const error = read && 'error' in read ? read.error : null;
  React.useEffect(() => setDraft(null), [textOf(current)]);

  const enter = (value: unknown): void => {
    setDraft(null);
    if (textOf(value) === textOf(own)) {
      onReset(name);
    } else {
      onSet(name, value);
    }
  };
  const leave = (): void => {
    if (read && !('error' in read)) {
      enter(read.value);
    }
  };
  const reset = (): void => {
    setDraft(null);
    onReset(name);
  };
  const isText = type !== 'bool' || optional;
  return (
    <div className="nbprod-Value" data-set={isSet || undefined}>
      <label htmlFor={id}>
        {name} <span className="nbprod-Value-type">{type}</span>
      </label>
      <div className="nbprod-Value-field">
        {isText ? (
          <input
            id={id}
            className="nbprod-Input"
            type="text"
            inputMode={type === 'int' ? 'numeric' : type === 'float' ? 'decimal' : undefined}
            spellCheck={false}
            value={draft ?? textOf(current)}
            aria-invalid={error !== null}
            aria-describedby={`${id}-note`}
            onChange={event => setDraft(event.target.value)}
            onBlur={leave}
            onKeyDown={event => {
              if (event.key === 'Enter') {
                leave();
              } else if (event.key === 'Escape' && draft !== null) {
                event.stopPropagation();
                setDraft(null);
              }
            }}
          />
        ) : (
          <input
            id={id}
            type="checkbox"
            checked={current === true}
            aria-describedby={`${id}-note`}
            onChange={event => enter(event.target.checked)}
          />
        )}
        {isSet || error ? (
          <button
            type="button"
            className="nbprod-Link"
            onClick={reset}
            aria-label={trans.__('Reset %1 to %2', name, textOf(own))}
          >
            {trans.__('Reset')}
          </button>
        ) : null}
      </div>
      <div id={`${id}-note`} className={error ? 'nbprod-FieldError' : 'nbprod-Note'}>
        {error ?? (isSet ? trans.__('differs from the default %1', textOf(own)) : '')}
      </div>
    </div>
  );
}
