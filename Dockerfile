# SPDX-License-Identifier: MIT
# mmusim in a container: docker build -t mmusim . && docker run --rm mmusim compare boot-base-vs-huge --out /tmp/out
FROM debian:12 AS build
COPY . /mmusim
WORKDIR /mmusim
RUN bash -c '. scripts/lib/dependencies && install_packages $MMUSIM_BUILD_PACKAGES dpkg-dev && mkdir -p build && \
    build_preset release mmusim package_archives printed_files && cd build/release && cpack -G DEB'

FROM debian:12
COPY --from=build /mmusim/build/release/mmusim_*.deb /tmp/
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends /tmp/mmusim_*.deb && rm -rf /tmp/mmusim_*.deb /var/lib/apt/lists/*
ENTRYPOINT ["mmusim"]
