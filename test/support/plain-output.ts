/**
 * Disables colours in the output that tests read: CI services and terminals enable them by variables, and Node warns on
 * stderr if two variables disagree.
 */
process.env['NO_COLOR'] = '1';
delete process.env['FORCE_COLOR'];
