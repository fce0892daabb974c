# EdgeKit with a C compiler and the emulator of Cortex-M: docker build -t edgekit . && docker run --rm edgekit demo denoise -o /tmp/demo
FROM debian:13-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
        gcc libc6-dev python3 python3-venv gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm \
    && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN python3 -m venv /opt/edgekit \
    && /opt/edgekit/bin/pip install --no-cache-dir --constraint /src/constraints.txt "/src[demo]" \
    && rm -rf /src
ENV PATH=/opt/edgekit/bin:$PATH
RUN useradd --create-home user
USER user
WORKDIR /home/user
ENTRYPOINT ["edgekit"]
CMD ["--help"]
