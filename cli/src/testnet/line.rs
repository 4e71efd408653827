//! The last line of `testnet up`: how the network is, again and again.

use std::time::Instant;

use testnet::local::NodeReport;

use crate::output::{DOT, Output};

/// One line. On a terminal it is written anew in its place, elsewhere below the last one.
pub(super) struct Line<'a> {
    output: &'a Output,
    live: bool,
    began: Instant,
    shown: bool,
}

impl<'a> Line<'a> {
    pub(super) fn new(output: &'a Output) -> Self {
        Self {
            output,
            live: output.is_live(),
            began: Instant::now(),
            shown: false,
        }
    }

    pub(super) fn show(&mut self, nodes: &[NodeReport]) {
        let text = text(self.began.elapsed().as_secs(), nodes);
        if self.live {
            self.output.rewrite_line(text);
            self.shown = true;
        } else {
            self.output.note(text);
        }
    }

    /// Makes room for something else.
    pub(super) fn clear(&mut self) {
        if self.shown {
            self.output.rewrite_line("");
            self.shown = false;
        }
    }
}

fn text(seconds: u64, nodes: &[NodeReport]) -> String {
    let statuses = || nodes.iter().filter_map(|node| node.status.as_ref());
    let ready = statuses()
        .filter(|status| status.not_ready.is_empty())
        .count();
    let height = statuses().map(|status| status.tip.height.number()).max();
    let height = height.map_or_else(|| "-".to_owned(), |height| height.to_string());
    let waiting = statuses().map(|status| status.waiting).max().unwrap_or(0);
    format!(
        "{:02}:{:02}:{:02}  {ready}/{} nodes ready {DOT} height {height} {DOT} {waiting} waiting",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        nodes.len(),
    )
}
