//! Tables as they go through a pipe: columns, no lines.

use comfy_table::{CellAlignment, Table, presets};

/// A table with these headings. The columns in `numbers` are aligned to the right.
pub(crate) fn new<const N: usize>(headings: [&str; N], numbers: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headings);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if numbers.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
