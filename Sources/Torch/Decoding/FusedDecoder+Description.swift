import CTorch

/// What a decoder is made of: one description for every family; what a family does not have is nil.
extension FusedDecoder {
    package enum Activation: Sendable { case silu, gelu, geluTanh, relu }

    package struct Shape: Sendable {
        package var hiddenSize, intermediateSize, headCount, keyValueHeadCount, headSize, vocabularySize: Int
        /// Elements of a head that are turned, from the first; 0 = none.
        package var rotarySize: Int
        package var normEpsilon: Double
        /// What scores are multiplied by before the softmax.
        package var attentionScale: Double
        package var activation: Activation
        /// What embeddings are multiplied by.
        package var embeddingScale = 1.0
        /// Norms are LayerNorms rather than RMSNorms.
        package var layerNorms = false
        /// Attention and feed-forward part read the same x.
        package var parallel = false

        package init(
            hiddenSize: Int, intermediateSize: Int, headCount: Int, keyValueHeadCount: Int, headSize: Int,
            vocabularySize: Int, rotarySize: Int, normEpsilon: Double, attentionScale: Double, activation: Activation
        ) {
            self.hiddenSize = hiddenSize
            self.intermediateSize = intermediateSize
            self.headCount = headCount
            self.keyValueHeadCount = keyValueHeadCount
            self.headSize = headSize
            self.vocabularySize = vocabularySize
            self.rotarySize = rotarySize
            self.normEpsilon = normEpsilon
            self.attentionScale = attentionScale
            self.activation = activation
        }
    }

    /// A weight [out, in] or [groups, out / groups, in], of any strides, and a bias [out].
    package struct Linear {
        package var weight: Tensor
        package var bias: Tensor?

        package init(_ weight: Tensor, _ bias: Tensor?) {
            self.weight = weight
            self.bias = bias
        }
    }

    /// Weight [d] and, of a LayerNorm, bias [d].
    package struct Norm {
        package var weight: Tensor
        package var bias: Tensor?

        package init(_ weight: Tensor, _ bias: Tensor? = nil) {
            self.weight = weight
            self.bias = bias
        }
    }

    package struct Layer {
        package var inputNorm, feedForwardNorm: Norm
        /// Over what each part gives, before it is added.
        package var attentionOutputNorm, feedForwardOutputNorm: Norm?
        /// Over each query and key head, before it is turned.
        package var queryNorm, keyNorm: Norm?
        package var q, k, v, o, up, down: Linear
        /// down(activation(gate(x)) * up(x)); nil = down(activation(up(x))).
        package var gate: Linear?
        /// A token looks at itself and the `window` - 1 before it; nil = at all before it.
        package var window: Int?
        /// Turned by the local angles.
        package var local = false

        package init(
            inputNorm: Norm, feedForwardNorm: Norm, q: Linear, k: Linear, v: Linear, o: Linear, gate: Linear?,
            up: Linear, down: Linear
        ) {
            self.inputNorm = inputNorm
            self.feedForwardNorm = feedForwardNorm
            (self.q, self.k, self.v, self.o) = (q, k, v, o)
            (self.gate, self.up, self.down) = (gate, up, down)
        }
    }

    /// Cosines and sines, [positions, rotary size] each.
    package struct Angles {
        package var cos, sin: Tensor

        package init(cos: Tensor, sin: Tensor) {
            self.cos = cos
            self.sin = sin
        }
    }

    /// What the layers share.
    package struct Tables {
        /// [V, d]; nil = the head serves as such.
        package var embedding: Tensor?
        /// Learned, [positions, d].
        package var positions: Tensor?
        /// Of at least so many positions; nil = nothing is turned.
        package var angles, localAngles: ((Int) throws -> Angles)?
        package var finalNorm: Norm
        /// [V, d]
        package var head: Tensor

        package init(
            embedding: Tensor?, positions: Tensor? = nil, angles: ((Int) throws -> Angles)? = nil,
            localAngles: ((Int) throws -> Angles)? = nil, finalNorm: Norm, head: Tensor
        ) {
            self.embedding = embedding
            self.positions = positions
            self.angles = angles
            self.localAngles = localAngles
            self.finalNorm = finalNorm
            self.head = head
        }
    }
}

extension FusedDecoder.Shape {
    func described(layers: Int) -> ctorch_decoder_shape {
        let function =
            switch activation {
            case .silu: CTORCH_ACTIVATION_SILU
            case .gelu: CTORCH_ACTIVATION_GELU
            case .geluTanh: CTORCH_ACTIVATION_GELU_TANH
            case .relu: CTORCH_ACTIVATION_RELU
            }
        return ctorch_decoder_shape(
            layers: Int64(layers), hidden: Int64(hiddenSize), intermediate: Int64(intermediateSize),
            heads: Int64(headCount), kv_heads: Int64(keyValueHeadCount), head_size: Int64(headSize),
            vocabulary: Int64(vocabularySize), rotary_size: Int64(rotarySize), epsilon: normEpsilon,
            attention_scale: attentionScale, embedding_scale: embeddingScale, activation: function,
            layer_norms: layerNorms, parallel: parallel)
    }
}

// Handles are borrowed: the tensors must outlive the call that gets them.

extension FusedDecoder.Layer {
    var handles: ctorch_decoder_layer {
        func map(_ linear: FusedDecoder.Linear?) -> ctorch_decoder_linear {
            ctorch_decoder_linear(weight: linear?.weight.handle, bias: linear?.bias?.handle)
        }
        return ctorch_decoder_layer(
            input_norm: inputNorm.handles, feed_forward_norm: feedForwardNorm.handles,
            attention_output_norm: attentionOutputNorm.handles,
            feed_forward_output_norm: feedForwardOutputNorm.handles, query_norm: queryNorm.handles,
            key_norm: keyNorm.handles, q: map(q), k: map(k), v: map(v), o: map(o), gate: map(gate), up: map(up),
            down: map(down), window: Int64(window ?? 0), local: local)
    }
}

extension FusedDecoder.Norm {
    fileprivate var handles: ctorch_decoder_norm { ctorch_decoder_norm(weight: weight.handle, bias: bias?.handle) }
}

extension FusedDecoder.Norm? {
    fileprivate var handles: ctorch_decoder_norm { self?.handles ?? ctorch_decoder_norm(weight: nil, bias: nil) }
}

extension FusedDecoder.Tables {
    var handles: ctorch_decoder_tables {
        ctorch_decoder_tables(
            embedding: embedding?.handle, positions: positions?.handle, head: head.handle,
            final_norm: finalNorm.handles)
    }
}
