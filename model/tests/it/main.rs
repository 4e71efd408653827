//! Tests of the promises of the data model, through its public surface.

mod address;
mod certificate;
mod conflicts;
mod directory;
mod epoch;
mod figure_2;
mod form;
mod founding;
mod genesis;
mod golden;
mod hand_over;
mod history;
mod identifiers;
mod lineage;
mod malpractice;
mod membership;
mod mutation;
mod naive;
mod outbox;
mod placement;
mod policy;
mod receipt;
mod samples;
mod theorem_1;
mod theorem_2;
mod world;
