/// Builds a family's list of tensors; the order of calls is the order of parameters.
struct TensorList {
    private(set) var all: [TensorSpecification] = []
    private let normal: TensorSpecification.Initial

    init(_ configuration: ModelConfiguration) { normal = .normal(deviation: configuration.initializerRange) }

    mutating func table(_ name: String, _ rows: Int, _ columns: Int) {
        all.append(TensorSpecification(name, [rows, columns], normal))
    }

    /// `name`.weight [output, input] and perhaps `name`.bias [output].
    mutating func linear(_ name: String, _ output: Int, _ input: Int, bias: Bool) {
        all.append(TensorSpecification("\(name).weight", [output, input], normal, linear: .outputInput))
        if bias { all.append(TensorSpecification("\(name).bias", [output], .zeros)) }
    }

    /// GPT-2's Conv1D, a linear map stored the other way round: `name`.weight [input, output], `name`.bias [output].
    mutating func convolution(_ name: String, _ output: Int, _ input: Int) {
        all.append(TensorSpecification("\(name).weight", [input, output], normal, linear: .inputOutput))
        all.append(TensorSpecification("\(name).bias", [output], .zeros))
    }

    mutating func rms(_ name: String, _ size: Int) {
        all.append(TensorSpecification("\(name).weight", [size], .ones))
    }

    /// Gemma's, stored as the difference from 1.
    mutating func offsetRMS(_ name: String, _ size: Int) {
        all.append(TensorSpecification("\(name).weight", [size], .zeros))
    }

    mutating func layerNorm(_ name: String, _ size: Int) {
        all.append(TensorSpecification("\(name).weight", [size], .ones))
        all.append(TensorSpecification("\(name).bias", [size], .zeros))
    }
}
