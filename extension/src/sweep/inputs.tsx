import * as React from 'react';

import type { JSX } from '../tokens';

/** What is wrong with a field, beside it. */
export function FieldError({ text, id }: { text: string; id?: string }): JSX.Element {
  return (
    <div className="nbprod-FieldError" id={id}>
      <span aria-hidden="true">✕ </span>
      {text}
    </div>
  );
}

interface ITextFieldProps {
  readonly id: string;
  readonly label: string;
  /** What the field belongs to, for its accessible name. */
  readonly name?: string;
  readonly hint?: string;
  readonly value: string;
  readonly error?: string;
  readonly onChange: (value: string) => void;
}

/** A labelled field of text with what is wrong below it. */
export function TextField(props: ITextFieldProps): JSX.Element {
  const { id, label, name, hint, value, error, onChange } = props;
  return (
    <div className="nbprod-TextField">
      <label htmlFor={id}>
        {name ? <span className="nbprod-mod-unseen">{name} </span> : null}
        {label}
      </label>
      <input
        id={id}
        className="nbprod-Input"
        value={value}
        placeholder={hint}
        spellCheck={false}
        autoComplete="off"
        aria-invalid={error ? true : undefined}
        aria-describedby={error ? `${id}-error` : undefined}
        onChange={event => onChange(event.target.value)}
      />
      {error ? <FieldError id={`${id}-error`} text={error} /> : null}
    </div>
  );
}

interface ISelectProps {
  readonly id: string;
  readonly label: string;
  /** What the field belongs to, for its accessible name. */
  readonly name?: string;
  readonly value: string;
  readonly options: Readonly<Record<string, string>>;
  readonly error?: string;
  readonly onChange: (value: string) => void;
}

/** A labelled choice. */
export function Select({
  id,
  label,
  name,
  value,
  options,
  error,
  onChange
}: ISelectProps): JSX.Element {
  return (
    <div className="nbprod-TextField">
      <label htmlFor={id}>
        {name ? <span className="nbprod-mod-unseen">{name} </span> : null}
        {label}
      </label>
      <select
        id={id}
        className="nbprod-Select"
        value={value}
        aria-invalid={error ? true : undefined}
        aria-describedby={error ? `${id}-error` : undefined}
        onChange={event => onChange(event.target.value)}
      >
        {Object.entries(options).map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
      {error ? <FieldError id={`${id}-error`} text={error} /> : null}
    </div>
  );
}
