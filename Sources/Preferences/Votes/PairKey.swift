/// Two answers to a prompt, whichever was shown on the left.
package struct PairKey: Hashable, Sendable {
    package let prompt: String
    package let first: String
    package let second: String

    package init(_ vote: Vote) {
        prompt = vote.promptID
        (first, second) =
            vote.left.id <= vote.right.id ? (vote.left.id, vote.right.id) : (vote.right.id, vote.left.id)
    }
}

extension Vote {
    /// Whether the pair's first answer (``PairKey``) was shown on the right.
    package var isMirrored: Bool { left.id > right.id }

    /// The verdict in the order of ``PairKey``: the same opinion is the same value, whichever side an answer was on.
    package var orientedVerdict: Verdict { isMirrored ? verdict.mirrored : verdict }

    /// The first answer's share of the win; nil for a skip.
    package var orientedScore: Double? { score.map { isMirrored ? 1 - $0 : $0 } }

    /// How far the first answer is preferred, -3 to 3; ties and "both bad" are 0, nil for a skip.
    package var orientedStrength: Double? {
        let size = Double(strength ?? 1)
        return switch orientedVerdict {
        case .left: size
        case .right: -size
        case .tie, .bothBad: 0
        case .skip: nil
        }
    }
}
