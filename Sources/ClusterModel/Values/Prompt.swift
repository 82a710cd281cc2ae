/// A prompt as it stands in one step.
package struct Prompt: Sendable, Hashable {
    /// Row of the data set; keys the random numbers.
    package var row: Int
    /// How often the row stood in the same step before: 0 unless a step has more prompts than the rest of a pass.
    /// Keys the random numbers, and tells groups of answers apart.
    package var occurrence: Int
    package var text: String
    package var tokens: [Int32]
    package var data: RowData

    package init(row: Int, occurrence: Int = 0, text: String, tokens: [Int32], data: RowData = RowData()) {
        self.row = row
        self.occurrence = occurrence
        self.text = text
        self.tokens = tokens
        self.data = data
    }
}

/// What the line of a prompt holds beside its text, as JSON. It travels with score jobs; generators never see it.
package struct RowData: Sendable, Hashable {
    /// A JSON object of every column beside the prompt; empty if the line has no other.
    package var extra: String
    /// A JSON object with `messages`, and if the line has them `tools` and `template_arguments`; empty for plain texts.
    package var conversation: String

    package init(extra: String = "", conversation: String = "") {
        self.extra = extra
        self.conversation = conversation
    }

    package var isEmpty: Bool { extra.isEmpty && conversation.isEmpty }
    /// Bytes on the wire.
    package var size: Int { extra.utf8.count + conversation.utf8.count }
}
