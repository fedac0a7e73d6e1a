"""The report: a site that opens offline, and beside it tables, figures and every number.

    site           writes the folder; with figure_files, the only modules here that touch files
    pages          which page shows what; the topics add their blocks there
    contents       all that is shown, gathered once; addresses: where it stands
    renderer       pages as HTML; views: tables and links as the templates take them
    overview       coverage, cautions, every measure in one line
    persona_pages  a persona's numbers over LLMs and measures; standings: its ranks
    sections       from evidence to one section per LLM, data set and measure
    blocks         what topics are made of: findings, tables, figures, numbers, samples; namesakes:
                   those of one name told apart
    *_blocks       a topic each; *_tables, *_figures: what stands in it
    tables         columns of a measure's settings, rows, CSV; latex: tables for a paper
    figures        Altair charts, and the parameters that the page's search writes
    findings       the tests in plain words; special_findings: what only some measures have
    contrasts      personas against the controls in words; questionnaires: attitudes
    across         one measure in several LLMs
    wording        how numbers are written
    numbers        numbers.json: every number with its definition
    definitions    what each number means, and its source

Analyses know nothing of this package, and templates compute nothing.
"""
