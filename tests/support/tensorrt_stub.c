/* Empty libraries in place of TensorRT's own, so that its Python bindings can be imported where there is no GPU.
 * Nothing of them is ever run: only the classes and docstrings of the bindings are looked at. */
#include <stddef.h>

void *createInferBuilder_INTERNAL(void) { return NULL; }
void *createInferRefitter_INTERNAL(void) { return NULL; }
void *createInferRuntime_INTERNAL(void) { return NULL; }
void *createNvOnnxParser_INTERNAL(void) { return NULL; }
void *createNvOnnxParserRefitter_INTERNAL(void) { return NULL; }
void *getBuilderPluginRegistry(void) { return NULL; }
void *getPluginRegistry(void) { return NULL; }
void *initLibNvInferPlugins(void) { return NULL; }
int getNvOnnxParserVersion(void) { return 0; }
/* Release 8 alone: the parsers of UFF and Caffe, by their C++ names. */
void _ZN11nvuffparser15createUffParserEv(void) {}
void _ZN11nvuffparser8FieldMapC1EPKcPKvNS_9FieldTypeEi(void) {}
void _ZN14nvcaffeparser117createCaffeParserEv(void) {}
void _ZN14nvcaffeparser123shutdownProtobufLibraryEv(void) {}
