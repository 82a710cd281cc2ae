import Tokenizers

/// What rows say of whether they, or single turns of them, are to be learned. What is said and cannot be done is refused.
extension RowObject {
    /// Refuses a demonstration that is not to be learned, or not like the others: `label` of sets for KTO, `train`, and
    /// `weight`.
    func checkRowIsLearned() throws(RowProblem) {
        // The label of a whole conversation may be anything, such as a class.
        let isDemonstration = has("completion")
        for key in isDemonstration ? ["label", "train"] : ["train"] where Self.isFalse(json(key)) {
            throw RowProblem(
                "'\(key)' is \(json(key)?.json ?? "false"): the row shows an answer that is not to be learned; remove such rows"
            )
        }
        if !isDemonstration, json("label") == .bool(false) {
            throw RowProblem("'label' is false: the row shows an answer that is not to be learned; remove such rows")
        }
        switch json("weight") {
        case .integer(1)?, .number(1)?: break
        case .integer?, .number?:
            throw RowProblem(
                "'weight' is \(json("weight")?.json ?? ""): rows are all learned alike; remove the row or the column")
        default: break
        }
    }

    /// As JSON has it, and as tables have it.
    private static func isFalse(_ value: JSONValue?) -> Bool {
        switch value {
        case .bool(false)?, .integer(0)?, .number(0)?: true
        case .string(let text)?: ["false", "0", "0.0", "no"].contains(text.lowercased())
        default: false
        }
    }

    /// Refuses turns whose `weight` or `train` says more than whether an answer of the assistant is learned, and
    /// conversations that leave nothing to learn.
    static func checkLearned(_ turns: [ChatMessage], of key: String) throws(RowProblem) {
        for (index, turn) in turns.enumerated() {
            func refuse(_ name: String, _ value: JSONValue, _ expected: String) -> RowProblem {
                RowProblem("'\(name)' of turn \(index + 1) in '\(key)' is \(value.json); \(expected)")
            }
            let (weight, train) = (turn.json["weight"] ?? .null, turn.json["train"] ?? .null)
            switch weight {
            case .null, .integer(0), .integer(1), .number(0), .number(1): break
            default: throw refuse("weight", weight, "use 0 (not learned) or 1 (learned)")
            }
            switch train {
            case .null, .bool: break
            default: throw refuse("train", train, "use true or false")
            }
            if turn.role == "assistant" { continue }
            let expected = "only turns of the assistant are learned; remove it"
            if train == .bool(true) { throw refuse("train", train, expected) }
            if weight == .integer(1) || weight == .number(1) { throw refuse("weight", weight, expected) }
        }
        guard turns.contains(where: { $0.role == "assistant" && $0.isLearned }) else {
            throw RowProblem("'weight' or 'train' leaves no turn of '\(key)' to learn")
        }
    }
}
