/// Turns a program into the table of a deterministic automaton. A state is the ordered list of instructions that wait
/// behind a scalar just read, with that scalar's class where the pattern looks behind.
struct PatternAutomaton {
    private(set) var transitions: [Int32] = []
    let width: Int
    private(set) var starts: [Int32] = []

    private struct State: Hashable {
        var threads: [Int]
        var before: Int
    }

    private let program: PatternProgram
    private let classes: ScalarClasses
    private var indices: [State: Int32] = [:]
    private var states: [State] = []
    private static let maximumStates = 3000

    init(_ program: PatternProgram, _ classes: ScalarClasses, source: String) throws(TokenizerError) {
        self.program = program
        self.classes = classes
        let classCount = classes.memberships.count
        width = classCount + 1
        if program.looksBehind {
            for before in 0..<classCount { starts.append(index(of: State(threads: [0], before: before))) }
        }
        starts.append(index(of: State(threads: [0], before: -1)))
        var next = 0
        while next < states.count {
            if states.count > Self.maximumStates {
                throw TokenizerError(.unsupported, "pattern \(source.debugDescription) needs too many states")
            }
            let state = states[next]
            for column in 0..<width { transitions.append(transition(from: state, column)) }
            next += 1
        }
    }

    private mutating func index(of state: State) -> Int32 {
        if let known = indices[state] { return known }
        let index = Int32(truncatingIfNeeded: states.count)
        indices[state] = index
        states.append(state)
        return index
    }

    /// - Parameter column: the class of the next scalar; the last column is the end of the text.
    private mutating func transition(from state: State, _ column: Int) -> Int32 {
        let holds = column < width - 1 ? classes.memberships[column] : []
        let heldBefore = state.before >= 0 ? classes.memberships[state.before] : []
        var visited = [Bool](repeating: false, count: program.instructions.count)
        var threads: [Int] = []
        var matched = false
        for start in state.threads where !matched {
            // Depth first, the preferred branch first: the order of the list is the order of preference.
            var stack = [start]
            while let at = stack.popLast(), !matched {
                if visited[at] { continue }
                visited[at] = true
                switch program.instructions[at] {
                case .jump(let target): stack.append(target)
                case .split(let first, let second):
                    stack.append(second)
                    stack.append(first)
                case .assert(let set, let behind, let negated):
                    let side = behind ? heldBefore : holds
                    if (side.isEmpty ? false : side[set]) != negated { stack.append(at + 1) }
                case .consume(let set):
                    if !holds.isEmpty, holds[set] { threads.append(at + 1) }
                case .match: matched = true
                }
            }
        }
        var seen = Set<Int>()
        let unique = threads.filter { seen.insert($0).inserted }
        if unique.isEmpty { return matched ? -1 : -2 }
        let target = index(of: State(threads: unique, before: program.looksBehind ? column : -1))
        return target * 2 + (matched ? 1 : 0)
    }
}
