/// What an annotator said of two answers. The set is closed: what a file calls otherwise is refused, never guessed.
package enum Verdict: String, Sendable, CaseIterable, Codable {
    case left, right, tie
    /// Neither answer is of use. In ratings it is a tie; it is counted apart.
    case bothBad = "both_bad"
    /// No opinion. It is counted and enters nothing.
    case skip

    /// The verdict on the same answers with their sides exchanged.
    package var mirrored: Verdict {
        switch self {
        case .left: .right
        case .right: .left
        case .tie, .bothBad, .skip: self
        }
    }

    /// Whether one of the answers is preferred.
    package var isDecisive: Bool { self == .left || self == .right }

    /// Left's share of the win: 1, 0, or one half for ties; nil for a skip.
    package var score: Double? {
        switch self {
        case .left: 1
        case .right: 0
        case .tie, .bothBad: 0.5
        case .skip: nil
        }
    }
}
