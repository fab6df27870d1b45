/** The name of an environment or of a fleet. It contains no colon, because workflow IDs contain names. */
export const ENVIRONMENT_NAME = /^[A-Za-z0-9][\w.-]{0,62}$/;

/** The remedy for a name that {@link ENVIRONMENT_NAME} refuses. */
export const ENVIRONMENT_NAME_TEXT = 'use at most 63 letters, digits, _, . and -, beginning with a letter or digit';
