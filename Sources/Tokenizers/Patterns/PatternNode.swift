/// A parsed pattern.
indirect enum PatternNode {
    enum Repetition { case greedy, lazy, possessive }

    case empty
    case set(ScalarSet)
    case sequence([PatternNode])
    /// The first alternative that leads to a match wins.
    case alternatives([PatternNode])
    case repeated(PatternNode, minimum: Int, maximum: Int?, Repetition)
    /// Holds if the next scalar is there and in the set (or, negated, if it is not).
    case lookahead(ScalarSet, negated: Bool)
    /// The same for the scalar before.
    case lookbehind(ScalarSet, negated: Bool)
}
