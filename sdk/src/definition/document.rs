//! Papers to print. `{field}` in a text is replaced by the field's value as a person reads it.

use super::{Block, Document, Row, StampBox, owned, when};

pub fn document(id: &str, title: &str) -> Document {
    Document {
        id: id.into(),
        title: title.into(),
        blocks: Vec::new(),
        shown_when: None,
        states: Vec::new(),
    }
}

impl Document {
    /// Made only when the field has one of these values.
    pub fn shown_when<'a>(
        mut self,
        field: &str,
        values: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        self.shown_when = when(field, values);
        self
    }

    /// Can be downloaded in these states only.
    pub fn only_in<'a>(mut self, states: impl IntoIterator<Item = &'a str>) -> Self {
        self.states.extend(owned(states));
        self
    }

    fn block(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    pub fn heading(self, text: &str) -> Self {
        self.block(Block::Heading(text.into()))
    }

    pub fn paragraph(self, text: &str) -> Self {
        self.block(Block::Paragraph(text.into()))
    }

    /// Rows of label and text.
    pub fn table<'a>(self, rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let row = |(label, text): (&str, &str)| Row {
            label: label.into(),
            text: text.into(),
        };
        let rows = rows.into_iter().map(row).collect();
        self.block(Block::Table(rows))
    }

    /// The QR code of an identity check, bound to the case.
    pub fn identity_qr(self, check: &str) -> Self {
        self.block(Block::IdentityQr(check.into()))
    }

    /// The case's number as QR code.
    pub fn number_qr(self) -> Self {
        self.block(Block::NumberQr)
    }

    /// The order's cases of the service: number and subject of each. On a receipt only.
    pub fn order_cases(self) -> Self {
        self.block(Block::OrderCases)
    }

    /// Empty boxes for seals: label, width and height in millimetres.
    pub fn stamps<'a>(self, boxes: impl IntoIterator<Item = (&'a str, u32, u32)>) -> Self {
        let stamp = |(label, width_mm, height_mm): (&str, u32, u32)| StampBox {
            label: label.into(),
            width_mm,
            height_mm,
        };
        let boxes = boxes.into_iter().map(stamp).collect();
        self.block(Block::Stamps(boxes))
    }

    /// Lines to sign.
    pub fn signatures<'a>(self, labels: impl IntoIterator<Item = &'a str>) -> Self {
        self.block(Block::Signatures(owned(labels)))
    }

    /// Small print.
    pub fn note(self, text: &str) -> Self {
        self.block(Block::Note(text.into()))
    }

    pub fn page_break(self) -> Self {
        self.block(Block::PageBreak)
    }
}
