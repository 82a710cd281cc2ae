extension PPOSection.CheckpointEvery: ScalarValue {
    private static let automatic = "auto"
    private static let unit = "min"

    static var kind: String { "steps (5), minutes (10 min) or auto" }

    static func parse(_ text: String, plain: Bool) -> Self? {
        guard plain else { return nil }
        if text == automatic { return .auto }
        let words = text.split(separator: " ")
        guard words.count == 2, words[1] == unit else { return Int.parse(text, plain: true).map { .steps($0) } }
        return Double.parse(String(words[0]), plain: true).map { .minutes($0) }
    }

    var written: String {
        switch self {
        case .auto: Self.automatic
        case .steps(let count): count.written
        case .minutes(let count): "\(count.written) \(Self.unit)"
        }
    }
}

extension Rule where T == PPOSection.CheckpointEvery {
    /// Longer than any run is as good as never.
    static var checkpointEvery: Rule {
        Rule(says: "auto, 1 to 10000000 steps, or above 0 and at most 100000 min") { value in
            switch value {
            case .auto: true
            case .steps(let count): (1...10_000_000).contains(count)
            case .minutes(let count): count > 0 && count <= 100_000
            }
        }
    }
}
