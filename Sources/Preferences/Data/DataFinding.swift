/// Something about a set of votes that limits what can be learned from it.
package struct DataFinding: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        case repeats, contradictions, stars, nested, fixedSide = "fixed_side", certain, ofItself = "of_itself"
        case withoutTexts = "without_texts", disconnected, leakage, longerWins = "longer_wins", noOverlap = "no_overlap"
    }

    package let kind: Kind
    /// What was found, with numbers, and what follows from it.
    package let text: String

    package init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }
}
