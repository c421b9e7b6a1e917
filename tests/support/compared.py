"""What tests of the comparison of rules start from: networks on the golden model, what an RTL would leave."""

from yoso_sw.compile.choose import choose
from yoso_sw.compile.predict import predict_counters
from yoso_sw.data.recorded import samples_for
from yoso_sw.network import golden
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate

COUNT, CLIF, LITERAL = "mnist-784-100-10-count", "mnist-784-100-10-clif", "mnist-784-800-10-stdbp"
IMAGES = 12


def loaded(name, images=IMAGES):
    """A network, its first samples, what the golden model makes of them, and the network compiled."""
    path = locate(name, ".npz")
    network = Network.load(path)
    samples = samples_for(network, path).first(images)
    image = choose(network, None, ("neuron=all",)).image
    return network, samples, golden.run(network, samples.inputs, params=image.params), image


def chunks(image, result):
    """What simulators that are right leave of it, in one chunk."""
    return [
        {
            "rtl": result.decisions.tolist(),
            "counters": predict_counters(image, result).tolist(),
            "cycles": [700] * len(result.last),
            "errors": [],
            **dict.fromkeys(("spike_mismatches", "class_mismatches", "counter_mismatches"), 0),
        }
    ]
