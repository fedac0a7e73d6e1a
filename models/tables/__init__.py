"""The tables. Identity is content: an edited file makes new rows and can never serve stale ones.

    asked    persona, persona_set, persona_set_member    who is assigned
             item                                        what is asked
             template, ask                               how it is asked
             llm                                         who answers; a row per way of running it
             experiment, experiment_slice,
             experiment_persona_set                      what a user wanted; refers to slices only
    work     slice, chunk                                an LLM's share of a data set, in pieces
             generation, failure                         what came back, and what could not
             analysis_job                                one per complete slice and experiment
    money    spend, reservation, call_hour, api_trouble  calls in flight, and what went wrong
             batch                                       files of calls, answered within a day

All are imported from here: so all are registered, and none refers to one that is not. Constraints
stand in the database, because a SQLModel table does not validate when constructed. Rows that are
compared by content have a unique hash; ``models/migrations`` makes the same schema.
"""

from models.tables.asked import (
    Ask,
    Experiment,
    ExperimentPersonaSet,
    ExperimentSlice,
    Item,
    Llm,
    LlmKind,
    Persona,
    PersonaSet,
    PersonaSetMember,
    Template,
)
from models.tables.money import (
    ApiMode,
    ApiTrouble,
    Batch,
    BatchState,
    CallHour,
    Reservation,
    Spend,
)
from models.tables.work import (
    AnalysisJob,
    Chunk,
    ChunkState,
    Failure,
    Finish,
    Generation,
    Slice,
)

__all__ = [
    "AnalysisJob",
    "ApiMode",
    "ApiTrouble",
    "Ask",
    "Batch",
    "BatchState",
    "CallHour",
    "Chunk",
    "ChunkState",
    "Experiment",
    "ExperimentPersonaSet",
    "ExperimentSlice",
    "Failure",
    "Finish",
    "Generation",
    "Item",
    "Llm",
    "LlmKind",
    "Persona",
    "PersonaSet",
    "PersonaSetMember",
    "Reservation",
    "Slice",
    "Spend",
    "Template",
]
