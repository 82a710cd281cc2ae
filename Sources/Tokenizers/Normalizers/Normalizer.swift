/// Changes a text before it is cut into words. Texts are UTF-8.
indirect enum Normalizer: Sendable {
    case sequence([Normalizer])

    init(_ section: JSONSection) throws(TokenizerError) {
        let type = try section.type()
        switch type {
        case "Sequence":
            try section.allow(["type", "normalizers"])
            var steps: [Normalizer] = []
            for step in try section.sections("normalizers") { steps.append(try Normalizer(step)) }
            self = .sequence(steps)
        default: throw section.unsupported("the normalizer '\(type)'")
        }
    }

    func apply(_ text: [UInt8]) -> [UInt8] {
        switch self {
        case .sequence(let steps): steps.reduce(text) { $1.apply($0) }
        }
    }
}
