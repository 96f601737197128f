/* Prints the host of a service's endpoint for an ARN: aws-endpoint ARN SERVICE [fips]. For test_endpoints.py. */
#include <stdio.h>

#include "lib/aws/endpoint.h"

int main(int argc, char **argv)
{
    char host[CMAW_AWS_HOST_SIZE];
    if (argc < 3 || cmaw_aws_host_of(cmaw_slice_of_cstr(argv[1]), argv[2], argc > 3, host) != CMAW_OK) {
        return 1;
    }
    return puts(host) < 0;
}
