/// A pattern as instructions of a thread machine (Thompson's construction).
struct PatternProgram {
    enum Instruction {
        /// Reads a scalar of the set and goes to the next instruction.
        case consume(set: Int)
        /// Tries the first target, then the second.
        case split(Int, Int)
        case jump(Int)
        case assert(set: Int, behind: Bool, negated: Bool)
        case match
    }

    private(set) var instructions: [Instruction] = []
    private(set) var sets: [ScalarSet] = []
    private(set) var looksBehind = false
    private let source: String
    private static let maximumLength = 4000

    init(_ node: PatternNode, source: String) throws(TokenizerError) {
        self.source = source
        try emit(node)
        try append(.match)
    }

    private mutating func append(_ instruction: Instruction) throws(TokenizerError) {
        if instructions.count >= Self.maximumLength {
            throw TokenizerError(.unsupported, "pattern \(source.debugDescription) is too long")
        }
        instructions.append(instruction)
    }

    private mutating func add(_ set: ScalarSet) -> Int {
        sets.append(set)
        return sets.count - 1
    }

    private mutating func emit(_ node: PatternNode) throws(TokenizerError) {
        switch node {
        case .empty: break
        case .set(let set): try append(.consume(set: add(set)))
        case .sequence(let items): for item in items { try emit(item) }
        case .alternatives(let branches):
            var jumps: [Int] = []
            for (index, branch) in branches.enumerated() {
                guard index < branches.count - 1 else {
                    try emit(branch)
                    break
                }
                let split = instructions.count
                try append(.jump(0))
                try emit(branch)
                jumps.append(instructions.count)
                try append(.jump(0))
                instructions[split] = .split(split + 1, instructions.count)
            }
            for jump in jumps { instructions[jump] = .jump(instructions.count) }
        case .repeated(let body, let minimum, let maximum, let kind):
            try emitRepeated(body, minimum, maximum, kind)
        case .lookahead(let set, let negated):
            try append(.assert(set: add(set), behind: false, negated: negated))
        case .lookbehind(let set, let negated):
            looksBehind = true
            try append(.assert(set: add(set), behind: true, negated: negated))
        }
    }

    private mutating func emitRepeated(
        _ body: PatternNode, _ minimum: Int, _ maximum: Int?, _ kind: PatternNode.Repetition
    ) throws(TokenizerError) {
        for _ in 0..<minimum { try emit(body) }
        if let maximum {
            // Each further round may be skipped together with all later ones.
            var splits: [Int] = []
            for _ in minimum..<max(minimum, maximum) {
                splits.append(instructions.count)
                try append(.jump(0))
                try emit(body)
            }
            let end = instructions.count
            for split in splits { setSplit(split, enter: split + 1, leave: end, kind) }
            // `?+`: what can be taken is taken. Skipping is right only if the scalar is not in the set.
            if kind == .possessive, case .set(let set) = body, let split = splits.first {
                try append(.jump(end + 2))
                try append(.assert(set: add(set), behind: false, negated: true))
                setSplit(split, enter: split + 1, leave: end + 1, kind)
            }
        } else {
            let split = instructions.count
            try append(.jump(0))
            try emit(body)
            try append(.jump(split))
            setSplit(split, enter: split + 1, leave: instructions.count, kind)
            // `*+`, `++`: left only where the set ends.
            if kind == .possessive, case .set(let set) = body {
                try append(.assert(set: add(set), behind: false, negated: true))
            }
        }
    }

    private mutating func setSplit(_ index: Int, enter: Int, leave: Int, _ kind: PatternNode.Repetition) {
        instructions[index] = kind == .lazy ? .split(leave, enter) : .split(enter, leave)
    }
}
