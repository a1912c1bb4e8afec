#!/bin/sh
# Compile the default model in a virtual environment, then remove what a running service does not need.
#   slim.sh VENV keep|drop        drop removes torch and the packages that only torch's path uses
set -eu
venv=$1
torch=${2:-drop}
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

"$venv/bin/ragkit" models compile
"$venv/bin/ragkit" models compile --precision fp32
if [ "$torch" = drop ]; then
    "$venv/bin/python" -m pip uninstall --yes --quiet \
        torch transformers sentence-transformers scikit-learn scipy sympy networkx mpmath safetensors hf-xet
fi
rm -rf "$site"/torch/test "$site"/torch/include "$site"/torch/bin \
    "$site"/openvino/include "$site"/openvino/libs/libopenvino_intel_gpu_plugin.so \
    "$site"/openvino/libs/libopenvino_intel_npu_plugin.so "$site"/openvino/libs/cache.json
find "$site" -type d \( -name tests -o -name __pycache__ \) -prune -exec rm -rf {} +
"$venv/bin/python" -m pip uninstall --yes --quiet setuptools pip || true
"$venv/bin/ragkit" models list
