/** How numbers, times and values are shown. */

/** Seconds as a person says them: `0.3 s`, `12 s`, `3 min 5 s`, `2 h 10 min`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  if (whole < 60) {
    return `${whole} s`;
  }
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes} min ${whole % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A number with four significant digits, as metrics are compared. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined) {
    return '–';
  }
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

/** Any JSON value on one line. */
export function value(one: unknown): string {
  if (typeof one === 'number') {
    return number(one);
  }
  return typeof one === 'string' ? one : (JSON.stringify(one) ?? '–');
}

/** Bytes with their unit. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let index = 0;
  while (count >= 1024 && index < units.length - 1) {
    count /= 1024;
    index += 1;
  }
  return `${index && count < 10 ? count.toFixed(1) : Math.round(count)} ${units[index]}`;
}

/** A moment in seconds since 1970, in the reader's own zone: the time of today, else date and time. */
export function moment(seconds: number): string {
  const date = new Date(seconds * 1000);
  const time = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return date.toDateString() === new Date().toDateString()
    ? time
    : `${date.toLocaleDateString()} ${time}`;
}
