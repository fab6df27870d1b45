/**
 * What tests read has no colours, wherever they run: CI services and terminals ask for them by variables, and Node warns
 * on stderr where two of them disagree.
 */
process.env['NO_COLOR'] = '1';
delete process.env['FORCE_COLOR'];
